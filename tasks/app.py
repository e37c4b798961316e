"""The Huey instance, with every task: what a consumer is pointed at, ``huey_consumer tasks.app.huey``."""

from storage.errors import SettingsError
from tasks import resources
from tasks.engine.huey import DeweyHuey


def _make() -> DeweyHuey:
    try:
        settings = resources.current().settings
    except SettingsError as error:  # raised while huey_consumer imports this: one sentence, not a traceback
        raise SystemExit(f"dewey: {error}") from error
    return DeweyHuey(
        settings.dewey_namespace,
        url=lambda: resources.current().endpoints.redis_url,
        queues=settings.dewey_queues,
        lease_s=settings.dewey_lease_s,
    )


huey = _make()

# Each of these registers its tasks with the instance above.
from tasks import accounts, email, files, ingestion, tokens  # noqa: E402

__all__ = ["accounts", "email", "files", "huey", "ingestion", "tokens"]
