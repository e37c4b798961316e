"""Who gets the rows of a tall terminal: a list as many as it has, and what explains it all that are left."""

from typing import Any

from textual.screen import Screen
from textual.widget import Widget

from console.widgets.line_table import LineTable


def fit_to_rows(screen: Screen[Any], body: Widget, table: LineTable[Any]) -> None:
    """Let what follows a list begin right below its last row; a list of more than half a screen scrolls.

    Where there are no rows to spare, or a notice stands in the place of the list, the sheet of styles decides.
    """
    if screen.has_class("-tall") and table.display:
        body.styles.height = min(table.total + 1 + body.gutter.height, screen.size.height // 2)
    else:
        body.styles.height = None
