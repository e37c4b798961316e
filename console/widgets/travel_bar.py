"""The line of the frame that says that what is shown is not now."""

from datetime import datetime

from msgspec import Struct
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


class Where(Struct, frozen=True):
    """What is said of the instant that is looked at: where one is, in ever shorter words (the first for which there is
    room), and what can not be known of then."""

    forms: tuple[Content, ...] = ()
    unknown: str = ""

    @property
    def is_said(self) -> bool:
        """Whether there is anything to be said."""
        return bool(self.forms)


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
        self.badges: tuple[Content, ...] = ()

    def tell(self, where: Where, badges: tuple[Content, ...]) -> None:
        """Take in what is said; nothing hides the bar. ``badges`` say what else has no line of its own, what matters
        most first."""
        if where != self.where or badges != self.badges:
            self.where, self.badges = where, badges
            self.set_class(where.is_said, "-past")
            self.set_class(bool(where.unknown), "-unknown")
            self.refresh()

    def render(self) -> Content:
        """Cut what does not fit; of the keys, their words go first."""
        where, width = self.where, self.size.width
        if not where.forms:
            return Content("")
        badges, room = self._badges(where.forms[-1].cell_length)
        fitting = (form for form in where.forms if form.cell_length <= room)
        line = next(fitting, where.forms[-1].truncate(max(0, room), ellipsis=True))
        if badges.plain:
            line += Content(" " * max(0, room - line.cell_length)) + badges
        lines = [line]
        if where.unknown:
            unknown = Content.assemble((" can not know: ", "bold $strong"), where.unknown)
            lines.append(unknown.truncate(width, ellipsis=True))
        return Content("\n").join(lines)

    def _badges(self, needed: int) -> tuple[Content, int]:
        """As many badges as leave the cells that are needed, and the cells that they leave."""
        for many in range(len(self.badges), -1, -1):
            badges = Content("").join(self.badges[:many])
            if self.size.width - badges.cell_length >= needed:
                return badges, self.size.width - badges.cell_length
        return Content(""), self.size.width


def past_instant(at: datetime, is_shown: bool, moment: Moment, key: str, others: tuple[str, ...]) -> Where:
    """Say which instant is looked at, whether its data is in sight, which key goes to now, and ``others`` elsewhere,
    the longest words first."""
    ago = span((moment.now - at).total_seconds())
    when = Content.styled(f" ◷ {said(at, moment)}", "bold $strong")
    if not is_shown:
        return Where((when + Content(f", {ago} ago: asking…"),))
    not_now = Content.styled("this is not now", "bold $strong")
    whole = Content.assemble(when, f", {ago} ago: ", not_now)
    shorter = Content.assemble(when, ": ", not_now)
    told = [(whole, rest) for rest in others] + [(shorter, rest) for rest in others[-1:]] + [(whole, "")]
    with_keys = (Content.assemble(line, f" — {key} is now", (rest, "$foreground")) for line, rest in told)
    return Where((*with_keys, whole, shorter))


def returning(shown_at: datetime, moment: Moment) -> Where:
    """Say that now is asked for, and what is in sight until it comes."""
    return Where((Content(f" ◷ asking for now; this is still {said(shown_at, moment)}"),))


def elsewhere(at: datetime, moment: Moment) -> Where:
    """Say on a screen that knows no past that it shows now."""
    now = Content.styled(" ◷ this screen shows now", "bold $strong")
    others = f": 1 2 4 6 look at {said(at, moment)}"
    return Where((now + Content(f"{others}, esc there ends that"), now + Content(others), now))
