"""What was masked in a job, shown to whoever asked for it: the audit has their name and reason."""

import json
from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from console.formats import safe_text
from console.screens.dialogs import Dialog

LINES = 400


class RevealedDialog(Dialog):
    """Shows values, until it is closed. They are never copied, logged or kept in a picture."""

    holds_secrets: ClassVar[bool] = True

    def __init__(self, shown: Mapping[str, object]) -> None:
        super().__init__()
        self._shown = shown

    def compose(self) -> ComposeResult:
        """Lay out the values."""
        with Vertical(classes="box"):
            yield Static(Content("Shown unmasked"), classes="title")
            with VerticalScroll(classes="body"):
                for path, value in self._shown.items():
                    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
                    lines = [safe_text(line, limit=500) for line in text.split("\n")[:LINES]]
                    yield Static(safe_text(path, limit=120).stylize("$muted"))
                    yield Static(Content("\n").join(lines))
            yield Static(Content.styled("That it was shown, to whom and why, is in the audit.", "$warning"))
            with Horizontal(classes="buttons"):
                yield Button(Content("Close"), id="cancel")
