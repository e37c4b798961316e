"""Every command: under what it is listed, and the module that it is loaded from when somebody asks for it.

Loading all of them takes longer than most of them run. The names are known without loading; whoever asks for more of
all of them, as the help does, loads all.
"""

import importlib
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, Final

from typer.main import get_group_from_info
from typer.models import TyperInfo

SECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "Run": ("demo", "up", "console"),
    "Jobs": ("trigger", "jobs", "job", "why", "diff", "logs", "failures", "schedules"),
    "Act on jobs": ("requeue", "canary", "cancel", "discard", "purge", "promote", "priority", "reveal", "run"),
    "Judge failures": ("mute", "resolve", "reopen"),
    "Take back": ("audit", "undo", "trash"),
    "Queues": ("queues", "stats", "pause", "resume", "limit", "release"),
    "Consumers": ("consumers", "quiet", "wake", "stop"),
    "Documents": ("ingest", "search"),
    "Upkeep": ("doctor", "migrate", "record", "metrics"),
}
"""The sections of the help, in its order."""

MODULES: Final[Mapping[str, tuple[str, ...]]] = {
    "acting": ("requeue", "cancel", "discard", "purge", "promote", "priority", "reveal"),
    "auditing": ("audit", "undo", "trash", "canary"),
    "console": ("console",),
    "demo": ("demo",),
    "documents": ("ingest", "search"),
    "failures": ("failures",),
    "jobs": ("queues",),
    "judging": ("mute", "resolve", "reopen"),
    "logs": ("logs",),
    "metrics": ("metrics",),
    "operating": ("pause", "resume", "limit", "run", "release", "consumers", "quiet", "wake", "stop"),
    "recording": ("record",),
    "schedules": ("schedules",),
    "searching": ("jobs", "job", "diff"),
    "servers": ("up", "doctor", "migrate"),
    "stats": ("stats",),
    "triggering": ("trigger",),
    "why": ("why",),
}
"""The modules of console/commands that have commands: each has them registered with its ``app``."""

_PLACES: Final = {name: module for module, names in MODULES.items() for name in names}


class Shelf(MutableMapping[str, Any]):
    """The toolkit's commands by name, as its groups keep them; each is loaded when it is taken from here."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded.update(_commands_of(_PLACES[name]))
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return (name for names in SECTIONS.values() for name in names)

    def __len__(self) -> int:
        return len(_PLACES)


def _commands_of(module: str) -> Mapping[str, Any]:
    """The commands of a module, made as those of the whole are."""
    app = importlib.import_module(f"console.commands.{module}").app
    group = get_group_from_info(
        TyperInfo(app), pretty_exceptions_short=True, suggest_commands=True, rich_markup_mode=None
    )
    return group.commands
