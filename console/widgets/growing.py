"""Scrolling over lines that become more, or fewer, without laying the screen out anew.

The toolkit lays out everything when there is more or less to scroll over, as if something could have moved. Nothing
does where the scroll bar is always there.
"""

import math

from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar

EIGHTHS = 8
"""Parts of a cell in which a scroll bar's thumb begins and ends."""


class Growing(ScrollView):
    """A view whose lines become more, or fewer, while one looks at them."""

    def grow_to(self, size: Size) -> None:
        """Take in how much there is to scroll over; a thumb that does not move is not painted again."""
        before, room = self.virtual_size, self.container_size.height
        if size.width != before.width or not room or self.scroll_y > max(0, size.height - room):
            self.virtual_size = size
            return
        if size.height == before.height:
            return
        self.set_reactive(ScrollView.virtual_size, size)
        bar = self.vertical_scrollbar
        if _thumb(bar.position, before.height, room) == _thumb(bar.position, size.height, room):
            bar.set_reactive(ScrollBar.window_virtual_size, size.height)
        else:
            bar.window_virtual_size = size.height


def _thumb(position: float, lines: int, room: int) -> tuple[int, int] | None:
    """Return where the thumb begins and ends, as the toolkit draws it; None while all lines fit."""
    if lines <= room:
        return None
    long = max(1.0, room * room / lines)
    start = int((room - long) * position / (lines - room) * EIGHTHS)
    return start, start + math.ceil(long * EIGHTHS)
