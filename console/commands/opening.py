"""What most commands begin with: settings read, servers found or started, the broker and its readers opened."""

import getpass
import os
import sys
from typing import TYPE_CHECKING

from msgspec import Struct

from storage.broker.broker import Broker
from storage.broker.connection import connect
from storage.broker.inspector import Inspector
from storage.redaction import Redactor
from tasks import resources
from tasks.masking import MaskedInspector
from tasks.operations import Operations
from tasks.resources import Resources

if TYPE_CHECKING:
    from tasks.actions.layer import Actions


class WrongUse(Exception):
    """A command that can not be meant so; the message says what is wrong, and how it is meant."""


class Desk(Struct, frozen=True):
    """Everything an operator's command works with. What the inspector answers may be shown: it is without secrets."""

    resources: Resources
    broker: Broker
    inspector: Inspector
    operations: Operations


def open_desk() -> Desk:
    """Read the settings and reach the servers, starting the embedded ones when they do not run.

    Raises:
        SettingsError: a setting has a wrong value.
        StoreUnavailable: a server does not answer or start.
    """
    held = resources.current()
    broker = Broker(connect(held.endpoints.redis_url), held.settings.dewey_namespace)
    redactor = Redactor(held.settings.dewey_redact_keys, held.settings.dewey_redact_patterns)
    inspector = MaskedInspector(broker.client, held.settings.dewey_namespace, redactor)
    return Desk(held, broker, inspector, Operations(broker, inspector))


def actions_of(desk: Desk) -> "Actions":
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
