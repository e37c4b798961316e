"""How the command line is asked, how it answers in general, and how it ends."""

import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from console import cli, commands
from console.commands import jobs as job_commands
from console.commands.shelf import MODULES, SECTIONS
from storage.database.connection import connect
from tasks import resources
from tests.console.commands.office import DEWEY, ROOT, CommandLine, Office, once, process, told

COMMANDS = [name for names in SECTIONS.values() for name in names]
ANSWERING = [
    "queues",
    "jobs",
    "diff",
    "job",
    "logs",
    "failures",
    "schedules",
    "requeue",
    "pause",
    "resume",
    "trigger",
    "ingest",
    "search",
    "doctor",
    *("cancel", "limit", "consumers", "quiet", "wake", "stop", "why", "stats"),
    *("discard", "purge", "promote", "priority", "reveal", "run", "release", "audit", "undo"),
    *("mute", "resolve", "reopen"),
]
GROUPS = {"canary", "trash"}
"""Commands that are made of commands."""


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")


# -- help ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("narrow")
def test_help_lists_every_command_in_80_columns_without_cutting_a_sentence(dewey: CommandLine) -> None:
    answer = dewey("--help")
    assert answer.status == 0
    assert "..." not in answer.out.replace("COMMAND [ARGS]...", "")
    assert max(map(len, answer.lines)) <= 80
    listed = [line.split()[0] for line in answer.lines if line.startswith("  ") and line.split()[0] in COMMANDS]
    assert listed == COMMANDS
    assert "Exit status: 0 done, 1 failed, 2 wrong use." in answer.out


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself_in_80_columns(dewey: CommandLine, command: str) -> None:
    answer = dewey(command, "--help")
    assert answer.status == 0
    assert answer.lines[0].startswith(f"Usage: dewey {command} ")
    assert max(map(len, answer.lines)) <= 80
    assert ("--json" in answer.out) == (command in {*ANSWERING, "migrate"})


def test_every_command_of_a_module_is_in_a_section_and_loaded_from_there() -> None:
    registered: dict[str, list[str]] = {}
    for found in pkgutil.iter_modules(commands.__path__):
        app = getattr(importlib.import_module(f"console.commands.{found.name}"), "app", None)
        if app is not None:
            one_by_one = [one.name or one.callback.__name__ for one in app.registered_commands if one.callback]
            registered[found.name] = sorted([*one_by_one, *(group.name for group in app.registered_groups)])
    assert registered == {module: sorted(names) for module, names in MODULES.items()}
    assert sorted(COMMANDS) == sorted(name for names in registered.values() for name in names)


@pytest.mark.parametrize("words", [("console", "--help"), ("queues", "--help"), ("jbos",)])
def test_a_command_loads_no_other_command(words: tuple[str, ...]) -> None:
    script = "import sys; from console.cli import run; run(sys.argv[1:]); print('\\n', *sys.modules)"
    found = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {name for name in found.stdout.splitlines()[-1].split() if name.startswith("console.commands.")}
    own = {"console.commands.console": ("console",), "console.commands.jobs": ("queues",)}
    of_commands = {f"console.commands.{module}" for module in MODULES}
    assert loaded & of_commands <= {module for module, names in own.items() if words[0] in names}


def test_the_version_is_told(dewey: CommandLine) -> None:
    assert dewey("--version").out == "dewey 0.1.0\n"


# -- wrong use -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "Usage: dewey"),
        ("jbos", "Did you mean 'jobs'?"),
        ("jobs --limit 0", "Invalid value for '--limit': 0 is not a whole number from 1 to 100,000."),
        ("jobs --limit many", "Invalid value for '--limit': 'many' is not a whole number from 1 to 100,000."),
        ("trigger t --delay soon", "Invalid value for '--delay': 'soon' is not a number, 0 or more."),
        ("priority high x", "Invalid value for 'N': 'high' is not a number from -"),
        (
            "audit --before x",
            "Invalid value for '--before': 'x' is not a whole number, 999,999,999,999,999,999 at most.",
        ),
        ("limit email", "say --rate, --cap, --max-jobs or --max-bytes, or --lift"),
        ("jobs --stat dead", "--stat"),
        ("jobs some surplus", "surplus"),
        ("job", "ID"),
        ("requeue", "ID"),
        ("logs -f --json", "not one document"),
        ("ingest", "PATH"),
        ("ingest /nowhere/at-all", "/nowhere/at-all"),
        ("ingest --visibility secret /", "--visibility"),
        ("search  ", "TEXT"),
        ("up --kind fiber", "--kind"),
        ("up --workers 0", "--workers"),
        ("demo --headless soon", "--headless"),
        ("demo", "--headless 60"),
        ("console", "terminal"),
    ],
)
def test_wrong_use_is_named_and_ends_with_2(dewey: CommandLine, words: str, said: str) -> None:
    answer = dewey(*words.split(" ") if words else ())
    assert answer.status == 2
    assert said in answer.err


def test_wrong_use_is_a_json_document_when_json_was_asked_for(dewey: CommandLine) -> None:
    answer = dewey("jobs", "--limit", "many", "--json")
    assert answer.status == 2
    assert "--limit" in answer.document["error"]


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in {"demo", "console", *GROUPS}])
def test_a_wrong_setting_is_named_before_anything_starts(
    dewey: CommandLine, command: str, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {"job": ["x"], "requeue": ["x"], "pause": ["q"], "resume": ["q"], "trigger": ["t"], "search": ["x"]}
    words |= {"discard": ["x"], "purge": ["q"], "promote": ["x"], "priority": ["5", "x"], "reveal": ["x"], "run": ["s"]}
    words |= {
        "mute": ["g"],
        "resolve": ["g"],
        "reopen": ["g"],
        "release": ["u"],
        "why": ["x"],
        "diff": ["x"],
        "cancel": ["x"],
        "limit": ["q", "--lift"],
        "quiet": ["c"],
        "wake": ["c"],
        "stop": ["c"],
    }
    resources.use(None)
    monkeypatch.chdir(short_path)
    monkeypatch.setenv("REDIS_URL", "http://nowhere")
    monkeypatch.setenv("DEWEY_LEASE_S", "soon")
    monkeypatch.setenv("DEWEY_HOME", str(short_path / "home"))
    answer = dewey(command, *words.get(command, []), *([__file__] if command == "ingest" else []))
    assert (answer.status, answer.out) == (2, "")
    assert "REDIS_URL=http://nowhere in the environment: expected redis://" in answer.err
    assert "DEWEY_LEASE_S=soon in the environment" in answer.err
    assert not (short_path / "home").exists()


def test_a_wrong_setting_of_the_file_is_named_with_its_place_and_without_secrets(short_path: Path) -> None:
    (short_path / ".env").write_text("SMTP_URL=http://user:hunter2@host\n")
    answer = once(["up"], short_path, {"DEWEY_HOME": str(short_path / "home")})
    assert (answer.status, answer.out) == (2, "")
    assert answer.err.startswith("dewey: SMTP_URL=http://… in .env ")
    assert "hunter2" not in answer.err
    assert not (short_path / "home").exists()


# -- failures --------------------------------------------------------------------------------------------------


def test_a_server_that_does_not_answer_is_a_sentence(short_path: Path, database_url: str) -> None:
    places = {"REDIS_URL": "redis://127.0.0.1:1/0", "DATABASE_URL": database_url, "DEWEY_HOME": str(short_path)}
    answer = once(["queues", "--json"], short_path, places)
    assert answer.status == 1
    assert answer.document["error"].startswith("Redis did not answer")
    assert answer.err.startswith("dewey: Redis did not answer")


@pytest.mark.parametrize("words", ["audit", "stats", "search moon", "trash list", "undo --yes", "undo 1 --yes"])
def test_a_database_that_was_never_set_up_is_said_to_be_so(
    dewey: CommandLine, office: Office, empty_database_url: str, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setattr(resources.current(), "database", connect(empty_database_url))
    answer = dewey(*words.split())
    assert (answer.status, answer.out) == (1, "")
    assert answer.err.startswith("dewey: Nothing has been set up in this database yet: run `dewey up`, or")


def test_a_mistake_of_ours_is_a_sentence_unless_debugged(
    dewey: CommandLine, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object) -> None:
        raise LookupError("a \x1b[2J key")

    monkeypatch.setattr(job_commands, "table", stumble)
    answer = dewey("queues")
    assert (answer.status, answer.out) == (1, "")
    assert answer.err == (
        "dewey: this is a mistake in dewey itself: LookupError: a \\x1b[2J key (DEWEY_DEBUG=1 shows where)\n"
    )
    monkeypatch.setenv("DEWEY_DEBUG", "1")
    with pytest.raises(LookupError):
        cli.run(["queues"])


def test_a_disk_that_is_full_is_a_failure(short_path: Path, redis_url: str, database_url: str) -> None:
    places = {"REDIS_URL": redis_url, "DATABASE_URL": database_url, "DEWEY_HOME": str(short_path)}
    with open("/dev/full", "w") as full:
        command = [*DEWEY, "queues", "--json"]
        ended = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=told(places), timeout=60
        )
    assert (ended.returncode, ended.stderr) == (1, "dewey: No space left on device\n")


# -- pipes, encodings and interruptions ------------------------------------------------------------------------


def test_a_reader_that_has_read_enough_ends_it_quietly(office: Office, short_path: Path) -> None:
    for number in range(2_000):
        office.add(f"job-{number:05}-{'x' * 60}", "email")
    command = f"{sys.executable} -m console jobs --limit 2000 --json | head -1; echo ${{PIPESTATUS[0]}}"
    ended = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, env=office.environment, timeout=60
    )
    assert ended.stdout.split() == ["{", "0"]
    assert ended.stderr == ""


def test_a_reader_that_has_left_before_the_first_word_ends_it_quietly(office: Office) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = subprocess.run(
            [*DEWEY, "queues"],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**office.environment, "PYTHONUNBUFFERED": ""},
            timeout=60,
        )
    finally:
        os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_a_character_shows_its_number(office: Office, short_path: Path, encoding: str) -> None:
    office.add("日本-1", "email", note="naïve 𝄞")
    there = {**office.environment, "PYTHONIOENCODING": encoding}
    with process(["job", "日本-1"], short_path, there) as running:
        assert running.end().out.splitlines()[1] == "id         \\u65e5\\u672c-1"
    with process(["job", "日本-1", "--json"], short_path, there) as running:
        assert json.loads(running.end().out)["arguments"] == {"note": "naïve 𝄞"}


def test_ctrl_c_ends_a_followed_log_quietly(office: Office, short_path: Path) -> None:
    token = office.start(office.add("aaaa-1"))
    office.log("aaaa-1", token, "the first line")
    with process(["logs", "-f"], short_path, office.environment) as running:
        running.wait_for("the first line")
        office.log("aaaa-1", token, "the second line")
        running.wait_for("the second line")
        answer = running.end(signal.SIGINT)
    assert (answer.status, answer.err) == (130, "")


def test_ctrl_c_while_it_is_loaded_ends_quietly_too(short_path: Path) -> None:
    (short_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'storage.settings':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    answer = once(["queues"], short_path, {"PYTHONPATH": f"{short_path}{os.pathsep}{ROOT}"})
    assert (answer.status, answer.out, answer.err) == (130, "", "")
