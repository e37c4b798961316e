"""The lists of the audit: actions, what an action was done to, the trash; and the list of canaries."""

from collections.abc import Sequence
from typing import Final

from console.formats import Moment, brief, count, size
from console.gateway.acting import CanaryRow, EntryRow, ItemRow, TrashRow
from console.widgets.line_table import Cell, Column, LineTable
from console.widgets.palette import Tone
from console.widgets.write_bar import STATES


def _when(row: EntryRow | TrashRow, moment: Moment) -> Cell:
    return Cell(moment.dated(row.at), "muted")


def _command(row: EntryRow, _moment: Moment) -> Cell:
    return Cell(brief(row.command.plain))


def _outcome(row: EntryRow, _moment: Moment) -> Cell:
    if row.undone_by is not None:
        return Cell("↶ undone", "muted")
    if not row.is_finished:
        return Cell("? not finished", "warning")
    if row.refused:
        return Cell(f"✗ {row.refused:,} of {row.items:,} not", "error" if not row.done else "warning")
    return Cell("✓ done", "success")


def _items(row: EntryRow, _moment: Moment) -> Cell:
    return Cell(count(row.items), "text")


_NUMBER: Final[Column[EntryRow]] = Column("action", 6, lambda row, _: Cell(str(row.number), "faint"), "right")
_WHEN: Final[Column[EntryRow]] = Column("when", 12, _when, "right")
_ITEMS: Final[Column[EntryRow]] = Column("items", 6, _items, "right")
_OUTCOME: Final[Column[EntryRow]] = Column("outcome", 16, _outcome)

NARROW: Final[Sequence[Column[EntryRow]]] = (
    _WHEN,
    Column("who", 9, lambda row, _: Cell(row.actor.plain, "strong"), is_searched=True),
    Column("what", 0, _command, is_searched=True),
    _ITEMS,
    _OUTCOME,
)
NORMAL: Final[Sequence[Column[EntryRow]]] = (
    _NUMBER,
    _WHEN,
    Column("who", 12, lambda row, _: Cell(row.actor.plain, "strong"), is_searched=True),
    Column("what", 0, _command, is_searched=True),
    _ITEMS,
    _OUTCOME,
    Column("why", 28, lambda row, _: Cell(row.reason.plain, "muted"), is_searched=True),
)
WIDE: Final[Sequence[Column[EntryRow]]] = (
    _NUMBER,
    _WHEN,
    Column("who", 14, lambda row, _: Cell(row.actor.plain, "strong"), is_searched=True),
    Column("from", 14, lambda row, _: Cell(row.host.plain, "faint")),
    Column("what", 0, _command, is_searched=True),
    _ITEMS,
    _OUTCOME,
    Column("why", 56, lambda row, _: Cell(row.reason.plain, "muted"), is_searched=True),
)


class AuditTable(LineTable[EntryRow]):
    """Rows of actions, the newest first."""

    def key_of(self, row: EntryRow) -> str:
        """Return the action's number."""
        return row.key

    def columns_for(self, width: int) -> Sequence[Column[EntryRow]]:
        """Return three sets, by width."""
        if width < 109:
            return NARROW
        return NORMAL if width < 159 else WIDE


def _item_outcome(row: ItemRow, _moment: Moment) -> Cell:
    tones: dict[str, tuple[str, Tone]] = {"done": ("✓ done", "success"), "refused": ("✗ not done", "error")}
    text, tone = tones.get(row.outcome, ("? not known", "warning"))
    return Cell(text, tone)


class ItemTable(LineTable[ItemRow]):
    """Rows of what an action was done to."""

    def __init__(self, moment: Moment, id: str | None = None) -> None:
        super().__init__(moment, id)
        self._longest = 8

    def key_of(self, row: ItemRow) -> str:
        """Return the item."""
        return row.key

    def show(self, total: int, offset: int, rows: Sequence[ItemRow], moment: Moment) -> None:
        """Take the items in; the detail has what their names leave."""
        longest = max((len(brief(row.name.plain)) for row in rows), default=8)
        if longest != self._longest:
            self._longest = longest
            self._layout_columns()
        super().show(total, offset, rows, moment)

    def columns_for(self, width: int) -> Sequence[Column[ItemRow]]:
        """Return one set; a name has a third of the width at most."""
        return (
            Column("item", max(8, min(self._longest, width // 3)), lambda row, _: Cell(brief(row.name.plain))),
            Column("outcome", 10, _item_outcome),
            Column("detail", 0, lambda row, _: Cell(brief(row.detail.plain), "muted")),
        )


def _still(row: TrashRow, _moment: Moment) -> Cell:
    return Cell("! maybe still in its queue" if row.is_in_both else "", "warning")


class TrashTable(LineTable[TrashRow]):
    """Rows of jobs in the trash, the last thrown away first."""

    def key_of(self, row: TrashRow) -> str:
        """Return the number in the trash."""
        return row.key

    def columns_for(self, width: int) -> Sequence[Column[TrashRow]]:
        """Return one set; what may be in both places is said where there is room."""
        columns: list[Column[TrashRow]] = [
            Column("thrown", 12, _when, "right"),
            Column("job", 8, lambda row, _: Cell(row.short_id.plain, "id")),
            Column("was", 9, lambda row, _: Cell(row.state.plain)),
            Column("task", 0, lambda row, _: Cell(row.task.plain, "strong")),
            Column("queue", 12, lambda row, _: Cell(row.queue.plain, "muted")),
            Column("size", 9, lambda row, _: Cell(size(row.size_bytes), "muted"), "right"),
        ]
        return columns if width < 100 else [*columns, Column("", 26, _still)]


def _canary_state(row: CanaryRow, _moment: Moment) -> Cell:
    glyph, style = STATES.get(row.state, ("?", "$muted"))
    tone: Tone = {"$success": "success", "$warning": "warning", "$error": "error"}.get(style, "muted")  # type: ignore[assignment]  # three tones
    return Cell(f"{glyph} {row.state}", tone)


class CanaryTable(LineTable[CanaryRow]):
    """Rows of canaries, the newest first."""

    def key_of(self, row: CanaryRow) -> str:
        """Return the canary's id."""
        return row.key

    def columns_for(self, width: int) -> Sequence[Column[CanaryRow]]:
        """Return one set; its step, its group and who began it are said where there is room, and below the table."""
        head: list[Column[CanaryRow]] = [
            Column("canary", 8, lambda row, _: Cell(row.short_id.plain, "id")),
            Column("", 10, _canary_state),
        ]
        of: Column[CanaryRow] = Column("of", 0, lambda row, _: Cell(row.name.plain, "strong"))
        counts: list[Column[CanaryRow]] = [
            Column("requeued", 9, lambda row, _: Cell(f"{row.sent:,}/{row.total:,}"), "right"),
            Column("ok", 6, lambda row, _: Cell(count(row.succeeded), "success"), "right"),
            Column("failed", 6, lambda row, _: Cell(count(row.failed), "error" if row.failed else "faint"), "right"),
        ]
        if width < 100:
            return [*head, of, *counts]
        return [
            *head,
            Column("step", 5, lambda row, _: Cell(row.phase, "muted")),
            Column("group", 8, lambda row, _: Cell(row.group.plain, "id")),
            of,
            *counts,
            Column("by", 12, lambda row, _: Cell(row.by.plain, "muted")),
            Column("since", 9, lambda row, moment: Cell(moment.short(row.started_at), "muted"), "right"),
        ]
