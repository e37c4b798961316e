# tasks/invoices.py, which tasks/app.py imports like the others
import logging

from tasks.app import huey
from tasks.engine.cron import cron

logger = logging.getLogger(__name__)


@huey.task(queue="billing", retries=3, retry_delay=5, retry_backoff=2)  # tries again after 5, 10 and 20 s
def send_invoice(customer: str, cents: int) -> str:
    """Send one invoice."""
    logger.info("an invoice for %s", customer)  # in the job's log while it runs
    return f"{customer} owes {cents / 100:.2f}"


@huey.periodic_task(cron("0 6 * * mon", timezone="Europe/Paris"), queue="billing")  # once, over all consumers
def send_invoices() -> None:
    """Trigger one job for each customer, as `dewey trigger send_invoice customer=ada cents=4200` does for one."""
    for customer in ("ada", "grace"):
        send_invoice(customer=customer, cents=4200)


def test_an_invoice_says_what_is_owed() -> None:
    assert send_invoice.call_local("ada", cents=4200) == "ada owes 42.00"
