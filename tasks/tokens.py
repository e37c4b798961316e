"""Forgets blacklisted tokens once they have expired."""

import logging

from storage import tokens
from tasks import resources
from tasks.app import huey
from tasks.engine.context import progress
from tasks.engine.cron import cron

logger = logging.getLogger(__name__)


@huey.periodic_task(cron("0 * * * *"), queue="maintenance", retries=3, retry_delay=10, retry_backoff=2)
def clean_expired_tokens() -> int:
    """Delete the tokens whose expiry has passed; answers how many."""
    deleted = tokens.delete_expired(
        resources.current().database, on_batch=lambda so_far: progress(so_far, 0, "tokens deleted")
    )
    logger.info("deleted %s expired tokens", deleted)
    return deleted
