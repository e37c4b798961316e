"""How a server is started: it dies with its starter, and is not root when it must not be."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from storage.servers import launch
from tests import servers

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
needs_setpriv = pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")

STARTER = """
import signal, subprocess, sys
from storage.servers import launch
child = subprocess.Popen(launch.wrapped([sys.executable, "-c", sys.argv[1]], death_signal=signal.SIGTERM))
child.wait()
"""
CHILD = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
print(os.getpid(), flush=True)
print(signal.sigwait({signal.SIGTERM}).name, flush=True)
"""


def test_it_gets_its_signal_when_its_starter_is_killed() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, CHILD], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert starter.stdout is not None
    child = int(starter.stdout.readline())
    os.kill(starter.pid, signal.SIGKILL)
    starter.wait(timeout=20)
    assert starter.stdout.readline() == "SIGTERM\n"
    starter.stdout.close()
    servers.wait_until(lambda: not servers.is_alive(child), "the child is gone")


def test_it_does_not_start_when_its_starter_is_dead_already() -> None:
    command = launch.wrapped(["/bin/echo", "started"], death_signal=signal.SIGKILL)
    parent = command.index("--parent") + 1
    command[parent] = "1" if os.getpid() != 1 else "2"
    finished = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert finished.returncode != 0
    assert finished.stdout == ""
    assert "died before" in finished.stderr


def test_an_ordinary_user_stays_who_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert launch.unprivileged_identity() is None


def test_root_without_any_other_user_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> pwd.struct_passwd:
        raise KeyError(name)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwnam", missing)
    with pytest.raises(LookupError, match="nobody"):
        launch.unprivileged_identity()


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A program and a file in a directory that only root can enter."""
    directory = tmp_path / "private"
    directory.mkdir(mode=0o700)
    shutil.copy("/bin/cat", directory / "cat")
    (directory / "text").write_text("hello")
    (directory / "text").chmod(0o600)
    return directory


@root_only
def test_nobody_can_read_what_only_root_may_and_write_nothing(private: Path) -> None:
    identity = launch.unprivileged_identity()
    assert launch.run([str(private / "cat"), str(private / "text")], identity=identity, timeout_s=20) == "hello"
    program = f"import os; print(os.getuid(), os.getgroups()); open({str(private / 'new')!r}, 'w')"
    with pytest.raises(subprocess.CalledProcessError) as caught:
        launch.run([sys.executable, "-c", program], identity=identity, timeout_s=20)
    assert f"{pwd.getpwnam('nobody').pw_uid} []" in caught.value.output
    assert "PermissionError" in caught.value.output


@root_only
@needs_setpriv
@pytest.mark.parametrize(
    ("missing", "is_readable"), [("-dac_read_search", True), ("-dac_read_search,-dac_override", False)]
)
def test_where_root_has_fewer_rights_the_next_best_is_used_or_the_reason_said(
    private: Path, missing: str, is_readable: bool
) -> None:
    entry = pwd.getpwnam("nobody")
    command = launch.wrapped(
        [str(private / "cat"), str(private / "text")], identity=launch.Identity(entry.pw_uid, entry.pw_gid)
    )
    # A copy, for the launcher itself must be reachable without the rights too.
    launcher = Path("/usr/bin/python3")
    if not launcher.exists():
        pytest.skip("this machine has no Python outside of private directories")
    with servers.short_directory() as directory:
        directory.chmod(0o755)
        shutil.copy(launch.__file__, directory / "launch.py")
        command = [str(launcher), *command[1:3], str(directory / "launch.py"), *command[4:]]
        limited = ["setpriv", f"--bounding-set={missing}", f"--inh-caps={missing}", *command]
        finished = subprocess.run(limited, capture_output=True, text=True, timeout=20, check=False)
    if is_readable:
        assert finished.stdout == "hello", finished.stderr
    else:
        assert "can not be reached by user" in finished.stderr
