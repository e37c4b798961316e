"""Clears away files that nobody will miss: abandoned uploads always, finished ones on a public demo only.

All times are UTC. An object goes before its row, so that a crash leaves a row to try again and never an orphan.
"""

import logging
from datetime import timedelta

from storage import files, removal
from storage.broker.inspector import Inspector
from storage.errors import JobMissing
from storage.files import Visibility
from storage.removal import Removal, Selection
from tasks import resources
from tasks.app import huey
from tasks.engine.context import progress
from tasks.engine.cron import cron

logger = logging.getLogger(__name__)

ABANDONED_AFTER = timedelta(hours=24)
KEPT_SHOWN = 20
GUARD = "DEMO_MODE is off: nothing was deleted"
ALIVE = frozenset({"blocked", "scheduled", "queued", "running", "retrying"})


@huey.periodic_task(cron("0 0 * * *"), queue="maintenance", retries=3, retry_delay=60, retry_backoff=2)
def clean_abandoned_files() -> dict[str, object]:
    """Delete uploads that were never finished: PENDING or FAILED, and untouched for a day."""
    return _remove("abandoned", removal.abandoned(ABANDONED_AFTER))


@huey.periodic_task(cron("*/10 * * * *"), queue="maintenance", retries=1, retry_delay=30)
def clean_public_files() -> dict[str, object]:
    """On a demo (DEMO_MODE=true): delete completed public files, except the demo admin's."""
    return _clean_demo("public")


@huey.periodic_task(cron("*/30 * * * *"), queue="maintenance", retries=1, retry_delay=30)
def clean_private_files() -> dict[str, object]:
    """On a demo (DEMO_MODE=true): delete completed private files, except the demo admin's."""
    return _clean_demo("private")


@huey.periodic_task(cron("*/5 * * * *"), queue="maintenance", retries=1, retry_delay=30)
def fail_stranded_files() -> int:
    """Mark files FAILED that say PROCESSING although their job has ended (its worker died too often)."""
    database = resources.current().database
    inspector: Inspector = huey.storage.inspector
    stranded = 0
    for file in files.page(database, status="PROCESSING", limit=1_000):
        job_id = (file.attempt or "").split("/")[0]
        try:
            job = inspector.job(job_id)
        except JobMissing:
            reason = "the job that worked on it is gone"
        else:
            if job.state in ALIVE:
                continue
            reason = job.error or f"the job that worked on it is {job.state}"
        if files.mark_failed(database, file.id, file.attempt, reason):
            logger.warning("file %s was stranded: %s", file.id, reason)
            stranded += 1
    return stranded


def _clean_demo(visibility: Visibility) -> dict[str, object]:
    """The guard stands here, inside the job, because a job can be started by anybody."""
    settings = resources.current().settings
    if not settings.demo_mode:
        logger.info("%s", GUARD)
        return {"deleted": 0, "skipped": GUARD}
    selection = removal.completed(visibility, spared_email=settings.demo_admin_email)
    return _remove(visibility, selection)


def _remove(what: str, selection: Selection) -> dict[str, object]:
    held = resources.current()

    def say(so_far: Removal) -> None:
        progress(so_far.deleted, 0, "files deleted")

    removed = removal.delete_all(held.database, held.objects, selection, on_batch=say)
    logger.info("deleted %s %s files", removed.deleted, what)
    for key, reason in list(removed.kept.items())[:KEPT_SHOWN]:
        logger.warning("kept the row of object %s, which can not be deleted: %s", key, reason)
    kept = dict(list(removed.kept.items())[:KEPT_SHOWN])
    return {"deleted": removed.deleted, "kept": len(removed.kept), "reasons": kept}
