"""Real consumer processes for tests."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.servers import wait_until
from tests.tasks.jobs import Jobs

ROOT = Path(__file__).resolve().parents[2]
RUN = "from huey.bin.huey_consumer import consumer_main; consumer_main()"


def environment(jobs: Jobs) -> dict[str, str]:
    """What a process must be told to work on the same jobs."""
    told = {name.upper(): str(value) for name, value in jobs.base.items()}
    places = {"REDIS_URL": jobs.redis_url, "DATABASE_URL": jobs.database_url, "PYTHONPATH": str(ROOT)}
    return {**os.environ, **told, **places}


@contextlib.contextmanager
def consumer(
    jobs: Jobs, *options: str, target: str = "tasks.app.huey", env: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """A `huey_consumer` while in the block, ready for jobs; it is told to stop at the end, and must do so."""
    log_path = jobs.objects_dir.parent / "consumer.log"
    log_path.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", RUN, target, "-g", "TERM", *options]
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, env=environment(jobs) | dict(env or {})
        )
    try:
        wait_until(
            lambda: process.poll() is not None or bool(jobs.inspector.consumers()),
            "the consumer is there",
            timeout_s=30,
        )
        assert process.poll() is None, log_path.read_text()
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        finally:
            process.kill()
            process.wait()
