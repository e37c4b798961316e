"""The line of the frame that says that what is shown is not now."""

from dataclasses import dataclass, field
from datetime import datetime

from textual.content import Content
from textual.widget import Widget

from console.formats import Moment


def span(seconds: float) -> str:
    """Write a span in minutes, hours and days: "12 min", "3 h 12 min", "2 d 5 h"."""
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def said(at: datetime, moment: Moment) -> str:
    """Write an instant of the past: the time of day with its zone, and the date when that is another day."""
    placed = moment.clock(at)
    time, _, zone = placed.partition(" ")
    clock = f"{time[:5]} {zone}"
    return clock if moment.date(at) == moment.date(moment.now) else f"{moment.date(at)} {clock}"


@dataclass(frozen=True, slots=True)
class Where:
    """What is said of the instant that is looked at: where one is, the keys (ever shorter: the first for which there is
    room), and what can not be known of then."""

    line: Content = field(default_factory=lambda: Content(""))
    keys: tuple[str, ...] = ()
    unknown: str = ""


class TravelBar(Widget):
    """Says which instant is looked at, how to come back, and what can not be known of it."""

    DEFAULT_CSS = """
    TravelBar { height: 1; background: $travel; color: $strong; display: none; }
    TravelBar.-past { display: block; }
    TravelBar.-unknown { height: 2; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.where = Where()

    def tell(self, where: Where) -> None:
        """Take in what is said; nothing hides the bar."""
        if where != self.where:
            self.where = where
            self.set_class(bool(where.line.plain), "-past")
            self.set_class(bool(where.unknown), "-unknown")
            self.refresh()

    def render(self) -> Content:
        """Cut what does not fit; of the keys, their words go first."""
        where, width = self.where, self.size.width
        written = (where.line + Content.styled(keys, "$foreground") for keys in where.keys)
        fitting = (line for line in written if line.cell_length <= width)
        lines = [next(fitting, where.line.truncate(width, ellipsis=True))]
        if where.unknown:
            unknown = Content.assemble((" can not know: ", "bold $strong"), where.unknown)
            lines.append(unknown.truncate(width, ellipsis=True))
        return Content("\n").join(lines)


def past_line(at: datetime, is_shown: bool, moment: Moment, key: str) -> Content:
    """Say which instant is looked at, whether its data is in sight, and which key goes to now."""
    ago = span((moment.now - at).total_seconds())
    when = Content.assemble((f" ◷ {said(at, moment)}", "bold $strong"), f", {ago} ago: ")
    if not is_shown:
        return when + Content("asking…")
    return when + Content.assemble(("this is not now", "bold $strong"), f" — {key} is now")


def returning_line(shown_at: datetime, moment: Moment) -> Content:
    """Say that now is asked for, and what is in sight until it comes."""
    return Content(f" ◷ asking for now; this is still {said(shown_at, moment)}")


def elsewhere_line(at: datetime, moment: Moment) -> Content:
    """Say on a screen that knows no past that it shows now."""
    return Content.assemble(
        (" ◷ this screen shows now", "bold $strong"), f": 1 2 4 6 look at {said(at, moment)}, esc there ends that"
    )
