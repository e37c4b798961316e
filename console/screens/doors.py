"""Where the screens are: one is loaded when somebody goes to it, so that the first one waits for no other."""

import importlib
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from console.screens.base import DeweyScreen


class Door(Struct, frozen=True):
    """A way to a screen; called, as the toolkit does, it makes one."""

    module: str
    name: str

    def __call__(self) -> "DeweyScreen":
        """Make the screen."""
        return self.kind()()

    def kind(self) -> "type[DeweyScreen]":
        """Return the kind of screen, loaded."""
        found: type[DeweyScreen] = getattr(importlib.import_module(self.module), self.name)
        return found


DOORS: Final = {
    "overview": Door("console.screens.overview", "OverviewScreen"),
    "queues": Door("console.screens.queues", "QueuesScreen"),
    "jobs": Door("console.screens.jobs", "JobsScreen"),
    "failures": Door("console.screens.failures", "FailuresScreen"),
    "logs": Door("console.screens.logs", "LogsScreen"),
    "files": Door("console.screens.files", "FilesScreen"),
    "schedules": Door("console.screens.schedules", "SchedulesScreen"),
    "workers": Door("console.screens.workers", "WorkersScreen"),
    "audit": Door("console.screens.audit", "AuditScreen"),
}
"""The screens that have a key of their own, by what they are called in the table of keys."""
