"""What actions work with, and how one is declared."""

import socket
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from msgspec import Struct, field

from storage import audit
from storage.audit import Entry, Item
from storage.broker.broker import Broker
from storage.broker.canaries import Canaries
from storage.broker.custody import Custody
from storage.broker.inspector import Inspector
from storage.database.connection import Database
from storage.errors import Refused, StoreUnavailable
from storage.history.query import parse
from storage.redaction import Redactor
from tasks.actions.values import Found, Permission, Request, Scope, Subject
from tasks.ledger import open_ledger
from tasks.operations import Operations
from tasks.resources import Resources

MOST = 100_000
"""Most things that one action is done to."""
PAGE = 1_000


class Tools(Struct, frozen=True):
    """The broker with an operator's hands, the database, and what a filter finds (``search``: a text and a limit to
    ids)."""

    broker: Broker
    inspector: Inspector
    custody: Custody
    canaries: Canaries
    operations: Operations
    database: Database
    redactor: Redactor
    search: Callable[[str, int], Sequence[str]] | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def items_of(self, audit_id: int) -> tuple[Item, ...]:
        """What an action was done to."""
        return audit.items(self.database, audit_id)


class Act(Struct, frozen=True):
    """An action while it is done: its key in the audit, who does it and why, what was asked for, and to what it is done
    now. ``shown`` takes what it reveals."""

    key: str
    actor: str
    reason: str
    request: Request
    subjects: tuple[Subject, ...]
    shown: dict[str, object] = field(default_factory=dict)

    def why(self, verb: str) -> str:
        """Who did it and why, as a job's record keeps it."""
        return f"{verb} by {self.actor}" + (f": {self.reason}" if self.reason else "")


class Undo(Struct, frozen=True):
    """How an action is undone: what of it still can be (``look``), and doing so (``effect``). ``sentence`` says what
    undoing does, and until when it can be; ``while_waiting`` that it can only be while its jobs wait."""

    sentence: str
    look: Callable[[Tools, Entry, Sequence[Item]], Found]
    effect: Callable[[Tools, Act, Entry], list[Item]]
    while_waiting: bool = False


class Action(Struct, frozen=True):
    """Something that an operator can do.

    ``look`` finds what it would be done to, ``effect`` does it to what was shown and answers for each item, ``words``
    are the command line's. ``undo`` is how it is undone, or the sentence why it can not be. ``at_once`` is how many
    items one step of it takes: what a crash can leave without its outcome in the audit.
    """

    name: str
    does: str
    permission: Permission
    scope: Scope
    look: Callable[[Tools, Request], Found]
    effect: Callable[[Tools, Act], list[Item]]
    words: Callable[[Request], list[str]]
    undo: Undo | str
    at_once: int = 500


def open_tools(held: Resources, broker: Broker) -> Tools:
    """The tools of a process that reads the settings; it opens nothing yet. Jobs are read whole here, with their
    secrets: what is shown of them is masked where it is."""
    inspector = Inspector(broker.client, broker.namespace)
    operations = Operations(broker, inspector)
    redactor = Redactor(held.settings.dewey_redact_keys, held.settings.dewey_redact_patterns)

    def search(text: str, limit: int) -> Sequence[str]:
        now = datetime.fromtimestamp(inspector.clock_ms() / 1000, UTC)
        given = parse(text, now=now, zone=now.astimezone().tzinfo or UTC)
        if given.node is None:
            raise Refused("a filter that everything matches: say what is meant")
        ledger, found, after = open_ledger(held, inspector), dict[str, None](), ""
        while len(found) < limit:
            page = ledger.search(given, after, PAGE)
            if page.trouble:
                raise StoreUnavailable(page.trouble)
            found.update((entry.id, None) for entry in page.entries)
            after = page.after
            if not after:
                break
        return tuple(found)[:limit]

    return Tools(broker, inspector, Custody(broker), Canaries(broker), operations, held.database, redactor, search)


def this_host() -> str:
    """This machine's name, as the audit keeps it."""
    return socket.gethostname()
