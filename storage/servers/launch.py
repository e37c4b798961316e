"""Start a server that dies with whoever started it, and that is not root if it must not be.

This file is also a program: ``python -I -S launch.py [options] -- command`` prepares its own process and
becomes the command. A separate program, because this work is not safe between fork and exec of a
process that has threads. It imports only the standard library, so it also runs without site-packages.

As root, a server that refuses to be root becomes the given user and keeps a single capability: to read
and traverse any directory. So its binaries and its data may lie under a directory that only root can
enter, and no directory's mode has to be loosened. ``SECBIT_NO_SETUID_FIXUP`` is what lets access(2)
honour the capability (capabilities(7)); ``no_new_privs`` means it can never get more.
"""

import argparse
import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2
_CAPABILITY_VERSION_3 = 0x20080522


@dataclass(frozen=True, slots=True)
class Identity:
    """A user that a server runs as, instead of root."""

    uid: int
    gid: int


def unprivileged_identity() -> Identity | None:
    """Who a server that refuses to be root runs as; None when this process is not root.

    Raises: LookupError when this machine has no user fit for it.
    """
    if os.geteuid() != 0:
        return None
    for name in ("nobody", "daemon"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Identity(entry.pw_uid, entry.pw_gid)
    raise LookupError("there is neither a user 'nobody' nor a user 'daemon' on this machine")


def wrapped(
    command: Sequence[str],
    *,
    identity: Identity | None = None,
    death_signal: signal.Signals | None = None,
) -> list[str]:
    """The command line that runs `command` as `identity` and ends it with `death_signal` if its parent dies.

    The parent is the thread that starts it: start it from a thread that lives as long as the server shall.
    """
    options: list[str] = []
    if identity is not None:
        options += ["--uid", str(identity.uid), "--gid", str(identity.gid)]
    if death_signal is not None:
        options += ["--death-signal", str(int(death_signal)), "--parent", str(os.getpid())]
    return [sys.executable, "-I", "-S", str(Path(__file__).resolve()), *options, "--", *command]


def run(command: Sequence[str], *, identity: Identity | None = None, timeout_s: float) -> str:
    """Run `command` to its end and answer what it printed, stdout and stderr together.

    Raises: subprocess.CalledProcessError and subprocess.TimeoutExpired, with the output so far.
    """
    finished = subprocess.run(
        wrapped(command, identity=identity, death_signal=signal.SIGKILL),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd="/",
        timeout=timeout_s,
        check=True,
    )
    return finished.stdout


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def _become(identity: Identity) -> None:
    """Change to `identity` for good, keeping at most the right to read and traverse."""
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    kept = _capability_to_keep(libc) if libc is not None else None
    if libc is not None and kept is not None:
        libc.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(identity.gid)
    os.setuid(identity.uid)
    if libc is None:
        return
    if kept is not None:
        mask = 1 << kept
        sets = (_Sets * 2)(_Sets(mask, mask, mask), _Sets(0, 0, 0))
        if libc.capset(ctypes.byref(_Header(_CAPABILITY_VERSION_3, 0)), sets) == 0:
            libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, kept, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _capability_to_keep(libc: ctypes.CDLL) -> int | None:
    """The narrowest capability this process has that opens directories; in containers often the wider."""
    sets = (_Sets * 2)()
    if libc.capget(ctypes.byref(_Header(_CAPABILITY_VERSION_3, 0)), sets) != 0:
        return None
    permitted = int(sets[0].permitted)
    return next((bit for bit in (_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE) if permitted & (1 << bit)), None)


def _die_with_parent(death_signal: int, parent: int) -> None:
    """Ask the kernel for `death_signal` at the parent's death. Only Linux can; elsewhere locks tell."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(f"{Path(__file__).name}: process {parent} died before this one could start")


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--uid", type=int)
    parser.add_argument("--gid", type=int)
    parser.add_argument("--death-signal", type=int)
    parser.add_argument("--parent", type=int)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    if options.uid is not None:
        _become(Identity(options.uid, options.gid))
    if options.death_signal is not None:
        _die_with_parent(options.death_signal, options.parent)
    program = options.command[0]
    if not os.access(program, os.X_OK):
        sys.exit(f"{program} can not be reached by user {os.getuid()}: install Dewey outside private directories")
    os.execv(program, options.command)


if __name__ == "__main__":
    _main()
