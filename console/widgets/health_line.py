"""The stores and the consumers in one line: a glyph and a word each."""

from collections.abc import Mapping, Sequence

from textual.content import Content

from console.gateway.glance import PARTS, Glance, HealthView, Level, Part
from console.widgets.drawn import Drawn
from storage.wording import plural

NAMES: Mapping[Part, str] = {"redis": "Redis", "postgres": "PostgreSQL", "objects": "objects"}
SIGNS: Mapping[Level, tuple[str, str]] = {
    "ok": ("●", "$success"),
    "warn": ("!", "$warning"),
    "fail": ("✗", "$error"),
    "unknown": ("◌", "$muted"),
}


class HealthLine(Drawn):
    """Says how everything is that jobs need."""

    DEFAULT_CSS = """
    HealthLine { height: 1; background: $surface; padding: 0 1; }
    HealthLine.-stale { opacity: 55%; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._health: dict[Part, HealthView] = {}
        self._glance: Glance | None = None
        self._is_away = False

    def show(self, health: Mapping[Part, HealthView], glance: Glance | None) -> None:
        """Take in what there is."""
        if (dict(health), glance) != (self._health, self._glance):
            self._health, self._glance = dict(health), glance
            self.redraw()

    def tell_away(self, is_away: bool) -> None:
        """Take in whether Redis did not answer the console itself."""
        if is_away != self._is_away:
            self._is_away = is_away
            self.redraw()

    def draw(self) -> Sequence[Content]:
        """Put the parts together; details go first when there is no room."""
        whole = Content("")
        for worded in (PARTS, ("redis", "postgres"), ()):
            parts = [self._part(part, part in worded) for part in PARTS]
            whole = Content("   ").join([*parts, *self._consumers()])
            if whole.cell_length <= self.content_size.width:
                break
        return (whole,)

    def _part(self, part: Part, with_words: bool) -> Content:
        view = self._health.get(part)
        if self._is_away and part == "redis":
            sign, tone = SIGNS["fail"]
            return Content.assemble((sign, tone), (f" {NAMES[part]}", "$foreground"), (" away", tone))
        level: Level = "unknown" if view is None else view.level
        sign, tone = SIGNS[level]
        words = Content("" if view is not None else " asking…")
        if view is not None and with_words and view.findings:
            words = Content.assemble(" ", _words(view))
        return Content.assemble((sign, tone), (f" {NAMES[part]}", "$foreground"), words.stylize("$muted"))

    def _consumers(self) -> list[Content]:
        if self._glance is None:
            return []
        living = [one for one in self._glance.fleet if not one.is_silent]
        if not living:
            sign, tone = SIGNS["fail"]
            return [Content.assemble((sign, tone), (" no consumer runs", "$foreground"))]
        workers, busy = sum(one.workers for one in living), sum(len(one.runs) for one in living)
        sign, tone = SIGNS["ok"]
        said = Content.assemble((sign, tone), (f" {plural(len(living), 'consumer')}", "$foreground"))
        return [Content.assemble(said, (f" {busy:,} of {plural(workers, 'worker')} busy", "$muted"))]


def _words(view: HealthView) -> Content:
    """Return what the first finding says, without the name that stands before it."""
    text = view.findings[0].message.plain.partition(",")[0]
    return Content(text.removeprefix(f"{NAMES[view.part]} "))
