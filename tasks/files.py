"""Clears away files that nobody will miss: abandoned uploads always, finished ones on a public demo only.

All times are UTC. An object goes before its row, so that a crash leaves a row to try again and never an orphan.
"""

import logging
from datetime import timedelta
from itertools import islice

from storage import removal
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
    shown = dict(islice(removed.kept.items(), KEPT_SHOWN))
    for key, reason in shown.items():
        logger.warning("kept the row of object %s, which can not be deleted: %s", key, reason)
    if len(removed.kept) > len(shown):
        logger.warning("kept %s more rows for the like", len(removed.kept) - len(shown))
    return {"deleted": removed.deleted, "kept": len(removed.kept), "reasons": shown}
