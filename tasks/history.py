"""What the settings say of history: where it is kept, how long, and how much may wait for it."""

from storage.history.ages import Ages
from storage.settings import Settings
from tasks import resources
from tasks.engine.assignment import Assignment, History
from tasks.resources import Resources


def history_of(settings: Settings) -> History | None:
    """The history of the application's Huey; None when its consumers do not record."""
    if not settings.dewey_record:
        return None
    return History(lambda: resources.current().endpoints.database_url, settings.dewey_events_waiting, ages_of(settings))


def assignment_of(held: Resources) -> Assignment:
    """What a recorder of the application has to do."""
    settings = held.settings
    return Assignment(
        redis_url=held.endpoints.redis_url,
        database_url=held.endpoints.database_url,
        namespace=settings.dewey_namespace,
        events_waiting=settings.dewey_events_waiting,
        ages=ages_of(settings),
        redact_keys=settings.dewey_redact_keys,
        redact_patterns=settings.dewey_redact_patterns,
    )


def ages_of(settings: Settings) -> Ages:
    """How long each kind is kept."""
    return Ages(
        jobs=settings.dewey_jobs_days,
        logs=settings.dewey_logs_days,
        samples=settings.dewey_samples_days,
        audit=settings.dewey_audit_days,
        trash=settings.dewey_trash_days,
    )
