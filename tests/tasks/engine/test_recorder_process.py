"""The recorder's own process: it ends when it is told to, however often."""

import signal
import subprocess
import sys

import redis

from storage.history.lag import lag
from tasks.engine.assignment import Assignment
from tests.servers import wait_until


def test_it_ends_however_many_signals_come_at_once(
    redis_client: "redis.Redis", redis_url: str, database_url: str, namespace: str
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tasks.engine.recorder_process"],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdin is not None
        process.stdin.write(Assignment(redis_url, database_url, namespace).as_json() + "\n")
        process.stdin.flush()
        wait_until(lambda: bool(lag(redis_client, namespace).leader), "the recorder to lead", timeout_s=30)
        for _ in range(3_000):
            process.send_signal(signal.SIGTERM)
        wait_until(lambda: process.poll() is not None, "the recorder to end", timeout_s=30)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()
