"""What the keys do here: the bindings in force for what has the focus, from the table; at a glance, with a sentence for
the one under the cursor."""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from console import bindings
from console.formats import fit
from console.screens.modal import Modal
from console.widgets.page import Page, Scroller, heading

KEY: Final = 8
NAME: Final = 14
TALL: Final = 34
"""Lines from which on the sentence stands apart."""
READ_ONLY: Final = "read-only"
"""How the reason begins that many keys have at once."""


class Entry(Struct, frozen=True):
    """A key as help shows it. ``why_not`` says why it can not be used now; "" when it can."""

    keys: str
    name: str
    tooltip: str
    why_not: str


Parts = Sequence[tuple[str, Sequence[Entry]]]


class KeysPage(Page):
    """The keys of a screen in columns, those of the place first; one is under the cursor."""

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self.parts = parts
        self.entries = [entry for _, entries in parts for entry in entries]
        self.cursor = 0
        self.row = 0
        """The line that the cursor is in."""

    def move(self, step: int) -> Entry:
        """Go to the next key, or to the one before."""
        self.cursor = max(0, min(len(self.entries) - 1, self.cursor + step))
        self.changed()
        return self.entries[self.cursor]

    def lines(self, width: int) -> list[Content]:
        """Return part after part, in as many columns as there is room for; read from the top down."""
        columns = max(1, (width + 1) // (KEY + NAME + 1))
        lines: list[Content] = []
        first = 0
        for title, entries in self.parts:
            lines.append(heading(title, width))
            rows = -(-len(entries) // columns)
            if first <= self.cursor < first + len(entries):
                self.row = len(lines) + (self.cursor - first) % rows
            for row in range(rows):
                here = range(row, len(entries), rows)
                lines.append(Content(" ").join([self._cell(entries[n], first + n == self.cursor) for n in here]))
            first += len(entries)
        return lines

    def _cell(self, entry: Entry, is_here: bool) -> Content:
        key, name = ("$faint", "$faint") if entry.why_not else ("bold $primary", "$foreground")
        shown = entry.keys if len(entry.keys) < KEY else entry.keys.partition(" ")[0]
        cell = Content.assemble((fit(shown, KEY), key), (fit(entry.name, NAME), name))
        return cell.stylize("on $row-cursor") if is_here else cell


class HelpScreen(Modal[None]):
    """Help for what had the focus when it was asked for."""

    BINDINGS = bindings.of("help")

    def __init__(self, subject: Screen[Any]) -> None:
        super().__init__()
        self._parts = parts_of(subject)

    def compose(self) -> ComposeResult:
        """Lay out the keys in a box."""
        page = KeysPage(self._parts)
        with Vertical(classes="box") as box:
            box.border_title = self._title(page.entries)
            with Scroller(id="help-keys", can_focus=False):
                yield page
            yield Static(id="help-says")

    def _title(self, entries: Sequence[Entry]) -> str:
        """What this is; and, once for all, why so much of it is dimmed."""
        why = next((entry.why_not for entry in entries if entry.why_not.startswith(READ_ONLY)), "")
        said = f"Keys · esc closes · j k explain{f' · {why}' if why else ''}"
        return said.replace("[", r"\[")

    def on_mount(self) -> None:
        """Begin at the first key."""
        self._go(0)

    def on_resize(self) -> None:
        """Let the keys have what title and sentence leave."""
        around = 4 if self.size.height < TALL else 5
        self.query_one(Scroller).styles.max_height = max(3, self.size.height - around)

    def _go(self, step: int) -> None:
        page = self.query_one(KeysPage)
        entry = page.move(step)
        why = f"Not now: {entry.why_not} " if entry.why_not else ""
        said = Content.assemble((f"{entry.keys}  ", "bold $primary"), (why, "$warning"), entry.tooltip)
        self.query_one("#help-says", Static).update(said)
        self.call_after_refresh(self._keep_in_sight)

    def _keep_in_sight(self) -> None:
        scroller, row = self.query_one(Scroller), self.query_one(KeysPage).row
        if row <= 1:
            scroller.scroll_to(y=0, animate=False)
        elif not scroller.scroll_offset.y <= row < scroller.scroll_offset.y + scroller.size.height:
            scroller.scroll_to(y=row - scroller.size.height // 2, animate=False)

    def action_close(self) -> None:
        """Close the help."""
        self.dismiss(None)

    def action_down(self) -> None:
        """Say what the next key does."""
        self._go(1)

    def action_up(self) -> None:
        """Say what the key before does."""
        self._go(-1)


def parts_of(subject: Screen[Any]) -> Parts:
    """Return a title and its keys, part by part, for the bindings that are active on a screen."""
    found: dict[str, tuple[list[str], str]] = {}
    for active in subject.active_bindings.values():
        binding_id = active.binding.id or ""
        if binding_id not in bindings.BY_ID:
            continue
        keys, _ = found.setdefault(binding_id, ([], ""))
        keys.append(subject.app.get_key_display(active.binding))
        why_not = getattr(active.node, "why_not", None)
        if not active.enabled and why_not is not None:
            found[binding_id] = (keys, why_not(active.binding.action.partition("(")[0]))
    parts: dict[str, list[Entry]] = {"Here": [], "Everywhere": [], "Moving": []}
    for binding_id in sorted(found, key=bindings.rank):
        key = bindings.BY_ID[binding_id]
        keys, reason = found[binding_id]
        parts[_part(key)].append(Entry(" ".join(dict.fromkeys(keys)), key.description, key.tooltip, reason))
    return [(title, entries) for title, entries in parts.items() if entries]


def _part(key: bindings.Key) -> str:
    if {"app", "screen"} & set(key.places):
        return "Everywhere"
    return "Moving" if {"table", "log view"} & set(key.places) else "Here"
