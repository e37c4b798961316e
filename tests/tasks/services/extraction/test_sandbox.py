"""The child that opens documents dies alone, knows no secrets, and leaves nobody behind."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.errors import ServiceFailed, UnreadableDocument
from tasks.services.extraction import sandbox
from tasks.services.extraction.extractor import extract
from tasks.services.extraction.limits import Limits
from tests.tasks.services import documents

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
ROOT = Path(__file__).resolve().parents[4]


def children_of(pid: int) -> list[int]:
    """The live processes whose parent is `pid`."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state, parent = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == pid and state != "Z":
            found.append(int(entry.name))
    return found


def readers_of(pid: int) -> list[int]:
    """The document readers that `pid` runs now."""
    command_lines = {child: Path("/proc") / str(child) / "cmdline" for child in children_of(pid)}
    return [child for child, line in command_lines.items() if b"extraction/child.py" in line.read_bytes()]


def reader_of(pid: int) -> int:
    """The one document reader that `pid` runs now."""
    (reader,) = readers_of(pid)
    return reader


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        threading.Event().wait(0.01)


def read(path: Path, on_page: Callable[[int, int], None]) -> str:
    return extract(path, name="report", declared_type="", on_page=on_page, limits=Limits(), describe_image=None).text


def read_quietly(path: Path) -> None:
    assert read(path, lambda done, total: None).startswith("The same page again.")


@pytest.fixture
def long_pdf(tmp_path: Path) -> Path:
    path = tmp_path / "long.pdf"
    path.write_bytes(documents.slow_pdf())
    return path


@linux_only
@pytest.mark.parametrize(
    ("number", "error", "reason"),
    [
        (signal.SIGKILL, UnreadableDocument, "SIGKILL"),
        (signal.SIGSEGV, UnreadableDocument, "SIGSEGV"),
        (signal.SIGTERM, ServiceFailed, "did not do its work"),
    ],
)
def test_a_killed_reader_fails_the_document_and_one_stopped_from_outside_does_not(
    long_pdf: Path, number: signal.Signals, error: type[Exception], reason: str
) -> None:
    def kill(done: int, total: int) -> None:
        os.kill(reader_of(os.getpid()), number)

    with pytest.raises(error, match=reason):
        read(long_pdf, kill)
    assert readers_of(os.getpid()) == []


@linux_only
def test_an_exception_in_the_progress_callback_ends_the_reader(long_pdf: Path) -> None:
    readers = []

    def cancel(done: int, total: int) -> None:
        readers.append(reader_of(os.getpid()))
        raise KeyError("canceled")

    with pytest.raises(KeyError, match="canceled"):
        read(long_pdf, cancel)
    assert not (Path("/proc") / str(readers[0])).exists()


@linux_only
def test_the_reader_gets_no_secret_and_no_open_file(
    long_pdf: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "canary-in-the-environment")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    seen: dict[str, object] = {}

    class Enough(Exception):
        pass

    def look(done: int, total: int) -> None:
        process = Path("/proc") / str(reader_of(os.getpid()))
        seen["environ"] = (process / "environ").read_bytes()
        seen["files"] = {str(link.readlink()) for link in (process / "fd").iterdir()}
        raise Enough

    with (tmp_path / "secret").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        with pytest.raises(Enough):
            read(long_pdf, look)
    assert b"canary" not in bytes(seen["environ"])  # type: ignore[call-overload]
    assert b"PYTHON" not in bytes(seen["environ"])  # type: ignore[call-overload]
    assert str(tmp_path / "secret") not in str(seen["files"])


@linux_only
def test_the_reader_dies_with_a_parent_that_is_killed(long_pdf: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tests.tasks.services.extraction import test_sandbox as t;"
        "t.read(Path(sys.argv[1]), lambda done, total: print(done, flush=True))"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(long_pdf)], cwd=ROOT, stdout=subprocess.PIPE)
    with parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"1\n"
        reader = reader_of(parent.pid)
        parent.kill()
        parent.wait()
        wait_until(lambda: not is_alive(reader), "the reader is gone")


def is_alive(pid: int) -> bool:
    try:
        stat = (Path("/proc") / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_many_threads_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "short.pdf"
    path.write_bytes(documents.repeated_pdf(20))
    texts: list[str] = []
    threads = [threading.Thread(target=lambda: texts.append(read(path, lambda done, total: None))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == ["\n\n".join(["The same page again."] * 20)] * 6


def test_a_daemonic_process_can_read(tmp_path: Path) -> None:
    path = tmp_path / "short.pdf"
    path.write_bytes(documents.repeated_pdf(3))
    worker = multiprocessing.get_context("spawn").Process(target=read_quietly, args=(path,), daemon=True)
    worker.start()
    worker.join(60)
    assert worker.exitcode == 0


def test_a_reader_that_can_not_be_started_is_no_fault_of_the_document(
    long_pdf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(ServiceFailed, match="can not be started"):
        read(long_pdf, lambda done, total: None)


def test_a_reader_without_its_libraries_is_no_fault_of_the_document(
    long_pdf: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "child.py"
    broken.write_text("import a_library_that_is_not_there\n", "utf-8")
    monkeypatch.setattr(sandbox, "_CHILD", broken)
    with pytest.raises(ServiceFailed, match="a_library_that_is_not_there"):
        read(long_pdf, lambda done, total: None)


def test_a_reader_that_answers_rubbish_fails_the_document(
    long_pdf: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    babbling = tmp_path / "child.py"
    babbling.write_text("print('{\"ready\": true}')\nprint('{')\n", "utf-8")
    monkeypatch.setattr(sandbox, "_CHILD", babbling)
    with pytest.raises(UnreadableDocument, match="rubbish"):
        read(long_pdf, lambda done, total: None)
