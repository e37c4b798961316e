"""What the keys do here: the bindings in force for what has the focus, from the table."""

from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from console import bindings
from console.formats import fit
from console.widgets.page import Page, Scroller, hanging, heading

KEY: int = 12
NAME: int = 14


class KeysPage(Page):
    """The keys of a screen, those of the place first."""

    def __init__(self, parts: list[tuple[str, list[tuple[str, str, str, str]]]]) -> None:
        super().__init__()
        self.parts = parts

    def lines(self, width: int) -> list[Content]:
        """Return part after part: key, name, what it does, and why it can not be done now."""
        lines: list[Content] = []
        for title, entries in self.parts:
            if lines:
                lines.append(Content(""))
            lines.append(heading(title, width))
            for keys, name, tooltip, why_not in entries:
                tone = "$faint" if why_not else "$foreground"
                label = Content.assemble((fit(keys, KEY), "bold $primary" if not why_not else tone), (name, tone))
                does = Content.styled(tooltip, "$faint" if why_not else "$muted")
                if why_not:
                    does = Content.assemble(does, " ", (f"Not now: {why_not}", "$warning"))
                lines += hanging(label, does, KEY + NAME, width)
        return lines


class HelpScreen(ModalScreen[None]):
    """Help for what had the focus when it was asked for."""

    BINDINGS = bindings.of("help")

    def __init__(self, subject: Screen[Any]) -> None:
        super().__init__()
        self._parts = parts_of(subject)

    def compose(self) -> ComposeResult:
        """Lay out the keys in a box."""
        with Vertical(classes="box"):
            yield Static(Content.styled("Keys", "bold $strong"), classes="title")
            with Scroller(id="help-keys"):
                yield KeysPage(self._parts)
            yield Static(Content.styled("esc closes · j k scroll", "$faint"), classes="keys")

    def action_close(self) -> None:
        """Close the help."""
        self.dismiss(None)

    def action_down(self) -> None:
        """Scroll down."""
        self.query_one(Scroller).action_scroll_lines(1)

    def action_up(self) -> None:
        """Scroll up."""
        self.query_one(Scroller).action_scroll_lines(-1)


def parts_of(subject: Screen[Any]) -> list[tuple[str, list[tuple[str, str, str, str]]]]:
    """Return (title, [(keys, name, tooltip, why not)]) for the bindings that are active on a screen."""
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
    parts: dict[str, list[tuple[str, str, str, str]]] = {"Here": [], "Everywhere": [], "Moving": []}
    for binding_id in sorted(found, key=bindings.rank):
        key = bindings.BY_ID[binding_id]
        keys, reason = found[binding_id]
        parts[_part(key)].append((" ".join(dict.fromkeys(keys)), key.description, key.tooltip, reason))
    return [(title, entries) for title, entries in parts.items() if entries]


def _part(key: bindings.Key) -> str:
    if {"app", "screen"} & set(key.places):
        return "Everywhere"
    return "Moving" if {"table", "log view"} & set(key.places) else "Here"
