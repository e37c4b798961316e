"""Who did what to what, when, why, with which outcome; and the trash."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from console import bindings
from console.exporting import Sheet, all_rows
from console.formats import Moment
from console.gateway.acting import EntryRow, TrashRow
from console.gateway.criteria import parsed_audit
from console.records import entry_record, trash_record
from console.screens.audit_words import described, why_not_undo, words_of_actions
from console.screens.base import POLL
from console.screens.entry import EntryScreen
from console.screens.exporting import ExportingScreen
from console.screens.filtering import FilteredScreen
from console.screens.tabbed import TabbedScreen
from console.widgets.audit_tables import AuditTable, TrashTable
from console.widgets.drawn import Sentence
from console.widgets.filter_bar import Grammar
from console.widgets.line_table import ROWS_LIMIT, LineTable
from console.widgets.notice import Notice
from console.widgets.tab_line import TabLine
from storage.audit_search import FIELDS
from storage.history.filters import Filter
from storage.wording import plural
from tasks.actions.values import Request

TABS: Final = (("actions", "Actions"), ("trash", "Trash"))
PAGE: Final = 200
"""Actions, or jobs of the trash, of one question."""
AGAIN: Final = 2_000
"""Of those that are shown, so many of the newest are asked for again with each poll, and of those further down a page
that begins with what is in sight: they may be over, undone, or match no more."""

ELSEWHERE: Final = {
    ("filter", "trash"): "The filter is for actions: [ shows them.",
    ("match", "trash"): "The filter is for actions: [ shows them.",
}
"""What can not be done in a tab, and where it can."""


class AuditScreen(TabbedScreen, ExportingScreen, FilteredScreen):
    """The audit, the newest action first, or what of it a filter lets pass; the trash beside it."""

    BINDINGS = bindings.of("audit")
    MODE: ClassVar[str] = "audit"
    PLACE: ClassVar[bindings.Place] = "audit"
    TABS = TABS

    def __init__(self, criteria: str = "") -> None:
        super().__init__(criteria)
        self.tab = "actions"
        self._known = {"actions": False, "trash": False}
        self._rows: dict[str, dict[int, EntryRow | TrashRow]] = {"actions": {}, "trash": {}}
        self._is_all = {"actions": False, "trash": False}

    def compose_body(self) -> ComposeResult:
        """Lay out the tabs, the filter, the tables, and the line below."""
        yield TabLine(TABS, self.tab)
        yield self.make_bar(Grammar(self.read_filter, FIELDS, "every action"))
        with Vertical(id="audit-body"):
            yield AuditTable(self.moment, id="actions")
            yield TrashTable(self.moment, id="trash")
            yield Notice(id="audit-notice")
        yield Sentence(id="audit-detail")

    def on_mount(self) -> None:
        """Say that the first answer is awaited."""
        self.query_one(Notice).asking()
        self.actions_table.highlight(self.words_looked_for())
        self._arrange()

    @property
    def actions_table(self) -> AuditTable:
        """The actions."""
        return self.query_one(AuditTable)

    @property
    def trash_table(self) -> TrashTable:
        """The trash."""
        return self.query_one(TrashTable)

    # Asking.

    def poll(self) -> None:
        """Ask for the newest, and again for what is shown: the newest of it, and what is in sight."""
        limit = max(PAGE, min(len(self._rows[self.tab]), AGAIN))
        before = self._above_sight(limit)
        self._ask(POLL, [(None, limit)] + ([] if before is None else [(before, PAGE)]))

    def _above_sight(self, limit: int) -> int | None:
        """The number of the action before what is in sight; None where the newest ones reach so far."""
        table: LineTable[EntryRow] | LineTable[TrashRow] = self.query_one(f"#{self.tab}", LineTable)
        first, many = table.window()
        numbers = sorted(self._rows[self.tab], reverse=True)
        if min(first + many, len(numbers)) <= limit:
            return None
        return numbers[max(limit, first) - 1]

    def _ask(self, name: str, pages: Sequence[tuple[int | None, int]]) -> None:
        """Ask for pages, each by the number that it is before and its length."""
        gateway, tab, criteria = self.dewey.gateway, self.tab, self.criteria

        def read() -> list[Sequence[EntryRow | TrashRow]]:
            if tab == "actions":
                return [gateway.audit(before, limit, criteria) for before, limit in pages]
            return [gateway.trash(before, limit) for before, limit in pages]

        def show(found: list[Sequence[EntryRow | TrashRow]]) -> None:
            if criteria == self.criteria:
                for (before, limit), rows in zip(pages, found, strict=True):
                    self._take(tab, before, rows, is_last=len(rows) < limit)
                self._show(tab)

        self.ask(name, read, show)

    def _take(self, tab: str, before: int | None, rows: Sequence[EntryRow | TrashRow], *, is_last: bool) -> None:
        """Take a page in; as far as it reaches, nothing else is there."""
        held, last = self._rows[tab], 0 if is_last else rows[-1].number
        if is_last or not held or before == min(held):
            self._is_all[tab] = is_last
        kept = {one: row for one, row in held.items() if one < last or (before is not None and one >= before)}
        self._rows[tab] = kept | {row.number: row for row in rows}

    def _show(self, tab: str) -> None:
        self._known[tab] = True
        held = sorted(self._rows[tab].items(), reverse=True)
        if len(held) > ROWS_LIMIT:
            self._rows[tab], self._is_all[tab] = dict(held[:ROWS_LIMIT]), False
        newest = [row for _, row in held[:ROWS_LIMIT]]
        table: LineTable[EntryRow] | LineTable[TrashRow] = self.query_one(f"#{tab}", LineTable)
        table.show(len(newest), 0, newest, self.moment)  # type: ignore[arg-type]  # a tab holds rows of its kind
        self._arrange()

    def _say_empty(self, notice: Notice) -> None:
        if not self._known[self.tab]:
            notice.asking()
        elif self.tab == "trash":
            notice.nothing_here("The trash is empty.", "What is discarded or purged stays here for seven days.")
        elif self.criteria:
            self.say_nothing_matches(notice)
        else:
            notice.nothing_here("Nothing was done yet.", "What operators do is listed here, before it is done.")

    def _arrange(self) -> None:
        rows = bool(self._rows[self.tab])
        for tab, _ in TABS:
            self.query_one(f"#{tab}").display = rows and tab == self.tab
        self.bar.display = self.tab == "actions"
        notice = self.query_one(Notice)
        notice.display = not rows
        if not rows:
            self._say_empty(notice)
        table = self.query_one(f"#{self.tab}", LineTable)
        if rows and self.focused is not table and not self.bar.editing:
            table.focus()
        self._detail()

    def on_line_table_cursor_moved(self, event: LineTable.CursorMoved) -> None:
        """Say more of the row; at the end, ask for older ones."""
        event.stop()
        table = self.query_one(f"#{self.tab}", LineTable)
        if self._goes_on and table.cursor >= table.total - 1:
            self._ask("older", [(min(self._rows[self.tab]), PAGE)])
        self._detail()

    @property
    def _goes_on(self) -> bool:
        """Whether there are older ones, and room for them."""
        return not self._is_all[self.tab] and 0 < len(self._rows[self.tab]) <= ROWS_LIMIT - PAGE

    def _detail(self) -> None:
        older = "" if self._is_all[self.tab] or not self._rows[self.tab] else "older ones at the end"
        if older and not self._goes_on:
            older = "older ones: dewey trash" if self.tab == "trash" else "older ones: filter by when"
        self.query_one(TabLine).tell(self.tab, {"trash": len(self._rows["trash"])}, Content.styled(older, "$faint"))
        is_known, is_all = self._known["actions"], self._is_all["actions"]
        self.bar.tell(Content.styled(_counted(len(self._rows["actions"]), is_all) if is_known else "", "$foreground"))
        entry = self._entry()
        detail = self.query_one("#audit-detail", Sentence)
        detail.display = entry is not None
        if entry is not None:
            detail.say(described(entry, max(20, self.size.width - 2)))
        self.refresh_bindings()

    def _entry(self) -> EntryRow | None:
        return self.actions_table.row if self.tab == "actions" and self._rows["actions"] else None

    def _thrown(self) -> TrashRow | None:
        return self.trash_table.row if self.tab == "trash" and self._rows["trash"] else None

    def tell(self, moment: Moment, stale: bool) -> None:
        """Dim old data; if there is none, say why."""
        for table in (self.actions_table, self.trash_table):
            table.set_class(stale, "-stale")
            table.at(moment)
        for error in self.unavailable():
            if not self._known[self.tab]:
                self.query_one(Notice).can_not_know(error.sentence)

    # The filter.

    def read_filter(self, text: str) -> Filter:
        """Read the text of a filter of actions."""
        return parsed_audit(text, self.moment.now)

    def know_words(self, words: Mapping[str, tuple[str, ...]]) -> None:
        """Take in real values, to complete what is written: of the actions in the list, and queues."""
        super().know_words(words_of_actions([*self._rows["actions"].values()], words))

    def count_typed(self, criteria: str) -> None:
        """Count what matches what is typed, as far as a page goes."""
        gateway = self.dewey.gateway

        def foresee(rows: Sequence[EntryRow]) -> None:
            said = _counted(len(rows), len(rows) < PAGE)
            self.bar.foresee(criteria, Content.assemble(("→ ", "$faint"), (said, "$accent")))

        self.ask("foresee", lambda: gateway.audit(None, PAGE, criteria), foresee, lambda _: None)

    def filter_by(self, criteria: str) -> None:
        """Show what matches, from the top."""
        if criteria == self.criteria:
            return
        self.criteria = criteria
        self.bar.show(criteria)
        self._rows["actions"], self._known["actions"], self._is_all["actions"] = {}, False, False
        self.actions_table.clear()
        self.actions_table.highlight(self.words_looked_for())
        self._arrange()
        self.poll()

    def give_keys_back(self) -> None:
        """Give the keys back to the list."""
        self.set_focus(self.actions_table if self.actions_table.display else None)

    def has_steps(self) -> bool:
        """Say whether `esc` has something to undo here: in the trash there is no filter."""
        return self.tab == "actions" and super().has_steps()

    def step_back(self) -> bool:
        """Leave the filter's field, or the filter."""
        return self.tab == "actions" and super().step_back()

    def action_match(self, step: int) -> None:
        """Go to the next action with a word of the filter, or to the one before."""
        table = self.actions_table
        index, is_found = table.match_from(table.cursor + step, step)
        if is_found:
            table.move_to(index)
        else:
            self.notify(f"No match {'further down' if step > 0 else 'above'}.", timeout=3)

    # Tabs.

    def go_to(self, tab: str) -> None:
        """Show a tab."""
        if self.bar.editing:
            self.bar.end()
        self.tab = tab
        self._arrange()
        self.poll()

    # Acting.

    def why_not(self, action: str) -> str:
        """Say why an action can not be done now."""
        entry, thrown = self._entry(), self._thrown()
        if action in ("open", "undo_entry", "copy", "copy_command") and entry is None and self.tab == "actions":
            return "There is no action under the cursor."
        if action in ("open", "undo_entry", "copy", "copy_command") and thrown is None and self.tab == "trash":
            return "There is no job under the cursor."
        if (action, self.tab) in ELSEWHERE:
            return ELSEWHERE[action, self.tab]
        if action == "match" and not self.actions_table.words:
            return "No word is highlighted: filter by one first, such as requeue."
        if action == "undo_entry" and entry is not None:
            return why_not_undo(entry) or super().why_not(action)
        return super().why_not(action)

    def on_line_table_opened(self, event: LineTable.Opened) -> None:
        """A double click opens."""
        event.stop()
        self.action_open()

    def action_open(self) -> None:
        """Show the action with its items; in the trash, which action threw the job away is in the audit."""
        entry, thrown = self._entry(), self._thrown()
        if entry is not None:
            self.dewey.push_screen(EntryScreen(entry.number))
        elif thrown is not None:
            self.notify(f"{thrown.job_key}: {thrown.task.plain} in {thrown.queue.plain}, {thrown.state.plain}.")

    def action_undo_entry(self) -> None:
        """Undo the action under the cursor, whoever did it; of the trash, put the job back to where it was."""
        entry, thrown = self._entry(), self._thrown()
        if entry is not None:
            self.act(Request("undo", (str(entry.number),)))
        elif thrown is not None:
            self.act(Request("restore", (thrown.job_key,)))

    def sheet(self) -> Sheet:
        """Export every action that matches, or all that is in the trash."""
        gateway, criteria = self.dewey.gateway, self.criteria
        if self.tab == "trash":
            title = "Export what is in the trash"
            return Sheet("trash", title, lambda: all_rows(lambda before: gateway.trash(before, PAGE), trash_record))
        title = "Export every action that matches" if criteria else "Export the audit"
        return Sheet(
            "audit", title, lambda: all_rows(lambda before: gateway.audit(before, PAGE, criteria), entry_record)
        )

    def action_copy(self) -> None:
        """Copy the command line of the action, or the job's id."""
        entry, thrown = self._entry(), self._thrown()
        if entry is not None:
            self.copy(f"dewey {entry.command.plain}", "the command line")
        elif thrown is not None:
            self.copy(thrown.short_id.plain, "the beginning of the id")

    def action_copy_command(self) -> None:
        """Copy the command line that shows this."""
        entry = self._entry()
        self.copy("dewey trash list" if entry is None else f"dewey audit {entry.number}", "the command line")


def _counted(number: int, is_all: bool) -> str:
    return plural(number, "action") if is_all else f"{number:,}+ actions"
