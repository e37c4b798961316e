"""Words in the rows that there are: what is too long is broken while rows are to spare, and cut only then.

Where something is cut the end says so; a list of names ends with how many there are more.
"""

from collections.abc import Iterable, Sequence

from textual.content import Content


def spread(lines: Sequence[Content], width: int, height: int, first: Iterable[int] = ()) -> list[Content]:
    """Write lines into rows. Those that are too long are broken while there are rows to spare: those that are named
    ``first`` before the others."""
    spare = max(0, height - len(lines))
    rows = {index: [line] for index, line in enumerate(lines)}
    order = [*first, *(index for index in rows if index not in first)]
    for index in order:
        if spare and index in rows and lines[index].cell_length > width:
            rows[index] = broken(lines[index], width, 1 + spare)
            spare -= len(rows[index]) - 1
    return [row.truncate(width, ellipsis=True) for parts in rows.values() for row in parts][:height]


def broken(line: Content, width: int, most: int) -> list[Content]:
    """Return a line in rows between its words, the later ones indented; the last has all that is left."""
    rows: list[Content] = []
    rest = line
    while len(rows) < most - 1 and rest.cell_length > width:
        piece = rest.wrap(width)[0]
        end = len(piece.plain.rstrip())
        if end == 0:
            break
        rows.append(piece)
        start = end + len(rest.plain[end:]) - len(rest.plain[end:].lstrip())
        rest = Content("  ") + rest[start:]
    return [*rows, rest]


def whole(line: Content, *shorter: Content, width: int) -> Content:
    """Return the first of ever shorter lines that fits; the last when none does."""
    forms = (line, *shorter)
    return next((form for form in forms if form.cell_length <= width), forms[-1])


def listed(names: Sequence[Content], room: int) -> Content:
    """Return names with commas, as many as there is room for, and how many there are more."""
    joined = Content(", ").join(names)
    if joined.cell_length <= room:
        return joined
    for many in range(len(names) - 1, 0, -1):
        some = Content.assemble(Content(", ").join(names[:many]), (f" and {len(names) - many} more", "$muted"))
        if some.cell_length <= room:
            return some
    return joined
