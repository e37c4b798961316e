"""The Huey instance, with every task: what a consumer is pointed at, ``huey_consumer tasks.app.huey``."""

from storage import embedded
from storage.errors import SettingsError
from storage.redaction import Redactor
from tasks import resources
from tasks.engine.huey import DeweyHuey
from tasks.history import history_of


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
        keep_alive=_keep_servers,
        history=history_of(settings),
        redactor=Redactor(settings.dewey_redact_keys, settings.dewey_redact_patterns),
    )


def _keep_servers() -> None:
    """With each heartbeat: an embedded server whose keeper was killed went along with it, and is started anew."""
    held = resources.current()
    if held.endpoints.embedded:
        embedded.attach(held.settings)


huey = _make()

# Each of these registers its tasks with the instance above.
from tasks import accounts, email, files, ingestion, tokens  # noqa: E402

__all__ = ["accounts", "email", "files", "huey", "ingestion", "tokens"]
