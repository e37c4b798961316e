"""The console in a browser: textual-serve starts it without a terminal, and talks to it through pipes."""

import os
import subprocess
import sys

DRIVER = "textual.drivers.web_driver:WebDriver"


def test_the_console_draws_for_a_browser(redis_url: str, namespace: str, database_url: str) -> None:
    environment = {
        **os.environ,
        "TEXTUAL_DRIVER": DRIVER,
        "COLUMNS": "100",
        "ROWS": "30",
        "REDIS_URL": redis_url,
        "DATABASE_URL": database_url,
        "DEWEY_NAMESPACE": namespace,
    }
    command = [sys.executable, "-m", "console", "console"]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as console:
        try:
            assert console.stdout is not None
            assert console.stdout.readline() == b"__GANGLION__\n"
            drawn = b""
            while b"dewey" not in drawn:
                kind = console.stdout.read(1)
                size = int.from_bytes(console.stdout.read(4), "big")
                assert kind in b"DM", drawn[-500:]
                drawn += console.stdout.read(size)
        finally:
            console.kill()
