"""A screen of which something can be exported: it asks as what and where to, and writes it in a thread."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from console.gateway.errors import GatewayRefused
from console.screens.base import DeweyScreen
from storage.wording import plural

if TYPE_CHECKING:
    from console.exporting import Extract, Sheet
    from console.screens.export_dialog import Ordered


class ExportingScreen(DeweyScreen):
    """A screen with something to export."""

    def sheet(self) -> Sheet:
        """Say what is exported now."""
        raise NotImplementedError

    def is_of_backend(self, name: str) -> bool:
        """An export takes as long as its pages and the disk do: it says nothing of how fast the backend answers."""
        return name != "export" and super().is_of_backend(name)

    def action_export(self) -> None:
        """Ask as what and where to, then write it."""
        from console.screens.export_dialog import ExportDialog  # noqa: PLC0415 - loaded when somebody exports

        sheet = self.sheet()
        dialog = ExportDialog(sheet.name, sheet.title, self.dewey.moment.now)
        self.dewey.push_screen(dialog, partial(self._export, sheet))

    def _export(self, sheet: Sheet, ordered: Ordered | None) -> None:
        if ordered is None:
            return
        picture = self.dewey.export_screenshot(title="dewey") if ordered.form == "svg" else ""
        self.ask("export", partial(_write, sheet.read, ordered, picture), partial(self._written, ordered))

    def _written(self, ordered: Ordered, extract: Extract) -> None:
        what = "The picture" if ordered.form == "svg" else plural(len(extract.records), "record")
        said = f"{what} went to {ordered.path}."
        severity = "warning" if extract.note else "information"
        note = f"{said} {extract.note}".strip()
        self.notify(note, title="Exported", severity=severity, timeout=8)  # type: ignore[arg-type]  # one of its words


def _write(read: Callable[[], Extract], ordered: Ordered, picture: str) -> Extract:
    """Read and write, in a worker's thread."""
    from console import exporting  # noqa: PLC0415 - loaded when somebody exports

    extract = exporting.Extract(()) if ordered.form == "svg" else read()
    text = picture or exporting.written(extract.noted, ordered.form)
    try:
        exporting.save(ordered.path, text, replaces=ordered.replaces)
    except exporting.ExportError as error:
        raise GatewayRefused(str(error)) from error
    return extract
