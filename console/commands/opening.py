"""What most commands begin with: settings read, servers found or started, the broker and its readers opened."""

from __future__ import annotations

import getpass
import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING

from tasks import resources

if TYPE_CHECKING:
    from storage.broker.broker import Broker
    from storage.broker.inspector import Inspector
    from tasks.actions.layer import Actions
    from tasks.operations import Operations
    from tasks.resources import Resources


class WrongUse(Exception):
    """A command that can not be meant so; the message says what is wrong, and how it is meant."""


class Desk:
    """Everything an operator's command works with, opened when it is first used. What the inspector answers may be
    shown: it is without secrets."""

    def __init__(self, held: Resources) -> None:
        self.resources = held

    @cached_property
    def broker(self) -> Broker:
        """The broker."""
        from storage.broker.broker import Broker  # noqa: PLC0415 - redis-py is slow to load
        from storage.broker.connection import connect  # noqa: PLC0415 - as above

        return Broker(connect(self.resources.endpoints.redis_url), self.resources.settings.dewey_namespace)

    @cached_property
    def inspector(self) -> Inspector:
        """What reads the broker."""
        from storage.redaction import Redactor  # noqa: PLC0415 - as above
        from tasks.masking import MaskedInspector  # noqa: PLC0415 - as above

        settings = self.resources.settings
        redactor = Redactor(settings.dewey_redact_keys, settings.dewey_redact_patterns)
        return MaskedInspector(self.broker.client, settings.dewey_namespace, redactor)

    @cached_property
    def operations(self) -> Operations:
        """What operators do."""
        from tasks.operations import Operations  # noqa: PLC0415 - as above

        return Operations(self.broker, self.inspector)

    def open(self) -> Desk:
        """Open all of it, so that a wrong address is named now."""
        self.operations  # noqa: B018 - it needs the others
        return self


def found_desk() -> Desk:
    """Read the settings and reach the servers, starting the embedded ones when they do not run.

    Raises:
        SettingsError: a setting has a wrong value.
        StoreUnavailable: an embedded server does not start.
    """
    held = resources.current()
    held.endpoints  # noqa: B018 - they start
    return Desk(held)


def open_desk() -> Desk:
    """Read the settings and reach the servers, as `found_desk`, and open what a command works with. Raises the same."""
    return found_desk().open()


def actions_of(desk: Desk) -> Actions:
    """The actions, on the servers of a desk."""
    from tasks.actions.layer import Actions  # noqa: PLC0415 - takes long, and who only looks needs none
    from tasks.actions.tools import open_tools  # noqa: PLC0415 - the same

    return Actions(open_tools(desk.resources, desk.broker))


def operator() -> str:
    """Who acts, for pauses and records."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"


def require_terminal(instead: str) -> None:
    """See that somebody can look at the console, at a terminal or in a browser (TEXTUAL_DRIVER says which).
    Raises WrongUse, which names what to do instead."""
    if os.environ.get("TEXTUAL_DRIVER"):
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise WrongUse(f"the console needs a terminal, and here is none: {instead}")
