"""The README's example of adding a job, run as it stands there: tested, published, triggered, retried and scheduled."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from storage.broker.records import TaskInfo
from tasks.app import huey
from tasks.operations import Operations
from tests.servers import wait_until
from tests.tasks.consumers import ROOT, consumer, environment
from tests.tasks.jobs import Jobs


def example() -> str:
    """The first block of Python under the README's heading."""
    text = (ROOT / "README.md").read_text("utf-8")
    section = re.search(r"^## Add a job$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section is not None
    block = re.search(r"^```python\n(.*?)^```$", section[1], re.MULTILINE | re.DOTALL)
    assert block is not None
    return block[1]


@pytest.fixture
def invoices(jobs: Jobs, tmp_path: Path) -> Path:
    """The example, saved as a module."""
    path = tmp_path / "invoices.py"
    path.write_text(example(), "utf-8")
    return path


def test_the_example_has_fewer_than_25_lines() -> None:
    assert len([line for line in example().splitlines() if line.strip()]) < 25


def test_the_test_of_the_example_passes(jobs: Jobs, invoices: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(invoices)]
    env = environment(jobs)
    done = subprocess.run(
        command, env=env, cwd=invoices.parent, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_the_job_of_the_example_is_published_triggered_and_scheduled(jobs: Jobs, invoices: Path) -> None:
    path = {"PYTHONPATH": f"{ROOT}:{invoices.parent}"}
    with consumer(jobs, "-w", "1", target="invoices.huey", env=path):
        told = {task.name: task for task in jobs.inspector.tasks()}
        task, schedule = told["invoices.send_invoice"], told["invoices.send_invoices"]
        assert described(task) == ("billing", "Send one invoice.", 3, 5.0, 2.0)
        assert [(one.name, one.kind, one.default) for one in task.parameters] == [
            ("customer", "str", None),
            ("cents", "int", None),
        ]
        assert (schedule.schedule, schedule.timezone) == ("0 6 * * mon", "Europe/Paris")
        operations = Operations(huey.broker, jobs.inspector)
        one = operations.trigger("send_invoice", {"customer": "ada", "cents": 4200})
        operations.trigger("send_invoices", {})
        wait_until(lambda: jobs.inspector.count(("succeeded",), ("billing",)) == 4, "all four jobs succeeded")
        assert jobs.result(one) == "ada owes 42.00"
        assert "INFO an invoice for ada" in jobs.log(one)
        wrong = operations.trigger("send_invoice", {"customer": "ada", "cents": "a few"})
        wait_until(lambda: jobs.job(wrong).state == "retrying", "the job that failed waits for its retry")
        assert (jobs.job(wrong).retries_left, jobs.job(wrong).error_type) == (2, "TypeError")


def described(task: TaskInfo) -> tuple[str, str, int, float, float]:
    return task.queue, task.doc, task.retries, task.retry_delay_s, task.retry_backoff
