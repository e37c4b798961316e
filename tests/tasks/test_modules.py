"""The modules of tasks, as others import them."""

import subprocess
import sys

from tasks.app import huey
from tests.tasks.consumers import ROOT, environment
from tests.tasks.jobs import Jobs

FIRST = ("accounts", "app", "email", "files", "ingestion", "samples", "tokens")
IMPORT_EACH = """
import importlib, os, sys
import storage.chunks, storage.users, storage.removal, storage.s3, tasks.resources, tasks.engine.huey
for name in sys.argv[1:]:
    if (pid := os.fork()) == 0:
        try:
            importlib.import_module(name)
        except BaseException as error:
            print(name, repr(error), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
"""


def test_each_module_can_be_the_first_to_be_imported(jobs: Jobs) -> None:
    names = [f"tasks.{name}" for name in FIRST]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_EACH, *names],
        env=environment(jobs),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_consumer_with_a_wrong_setting_says_which_and_no_more(jobs: Jobs) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import tasks.app"],
        env=environment(jobs) | {"DEMO_MODE": "perhaps"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("dewey: DEMO_MODE")
    assert "Traceback" not in done.stderr


def test_every_task_says_in_a_sentence_what_it_does_and_names_its_queue() -> None:
    told = {info.name: info for info in huey.task_infos() if info.name.startswith("tasks.")}
    assert {"tasks.tokens.clean_expired_tokens", "tasks.ingestion.ingest_file", "tasks.email.send_email"} <= set(told)
    assert all(info.doc.partition("\n")[0].strip() for info in told.values())
    assert "default" not in {info.queue for info in told.values()}
