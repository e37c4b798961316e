"""Processor time from /proc: steadier than wall time on a machine that others use too."""

import os
from collections.abc import Iterator
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def used_s(pid: int) -> float:
    """Processor seconds of a process and its descendants, also of those that it has waited for; 0 when it is gone."""
    return sum(_own_s(one) for one in (pid, *descendants(pid)))


def alone_s(pid: int) -> float:
    """Processor seconds of a process without its descendants; 0 when it is gone."""
    fields = _fields(pid)
    return sum(map(int, fields[11:13])) / _TICKS if fields else 0.0


def own_ms(pid: int) -> float:
    """Processor milliseconds of one process so far, to the nanosecond: the clock of the scheduler."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def descendants(pid: int) -> Iterator[int]:
    """The processes below one."""
    parents = {int(entry.name): _parent(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    waiting = [pid]
    while waiting:
        above = waiting.pop()
        found = [child for child, parent in parents.items() if parent == above]
        waiting += found
        yield from found


def _own_s(pid: int) -> float:
    fields = _fields(pid)
    return sum(map(int, fields[11:15])) / _TICKS if fields else 0.0


def _parent(pid: int) -> int:
    fields = _fields(pid)
    return int(fields[1]) if fields else 0


def _fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; none when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return []
