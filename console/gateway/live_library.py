"""The part of the live gateway that knows files and their passages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from console.formats import safe_text
from console.gateway.errors import GatewayRefused, GatewayUnavailable
from console.gateway.live_part import LivePart
from console.gateway.reading import translated
from tasks.errors import TasksError, Transient

if TYPE_CHECKING:
    from console.gateway.library import FilePage, Found, PassagePage
    from storage.files import Status
    from tasks.resources import Resources

HITS = 50
"""Passages that a search answers with."""


class LiveLibrary(LivePart):
    """Files by status, their passages, and the search for the nearest ones."""

    def files(self, status: Status | None, before_id: int | None) -> FilePage:
        """Return a page of files, newest first."""
        from console.gateway.library import FILES_PER_PAGE, FilePage, file_row  # noqa: PLC0415 - files are asked for later than the first screen is drawn
        from storage import files, shelf  # noqa: PLC0415 - the same

        with self._asking() as held:
            found = files.page(held.database, status=status, before_id=before_id, limit=FILES_PER_PAGE)
            counted = shelf.passages(held.database, [file.id for file in found])
            tallies = shelf.tallies(held.database)
        return FilePage(tuple(file_row(file, counted.get(file.id, 0)) for file in found), tallies)

    def passages(self, file_id: int, after: int) -> PassagePage:
        """Return a file with the passages after a number."""
        from console.gateway.library import PASSAGES_PER_PAGE, PassagePage, file_row, passage_view  # noqa: PLC0415 - files are asked for later than the first screen is drawn
        from storage import chunks, files  # noqa: PLC0415 - the same

        with self._asking() as held:
            file = files.get(held.database, file_id)
            if file is None:
                raise GatewayRefused(f"there is no file {file_id}: it was deleted")
            total = chunks.count(held.database, file_id)
            found = chunks.page(held.database, file_id, after=after - 1, limit=PASSAGES_PER_PAGE)
        return PassagePage(file_row(file, total), tuple(passage_view(one) for one in found), total)

    def search(self, text: str) -> Found:
        """Return the stored passages nearest to a text."""
        from console.gateway.library import Found, hit_view  # noqa: PLC0415 - files are asked for later than the first screen is drawn
        from storage import chunks  # noqa: PLC0415 - the same

        with self._asking() as held:
            embedder = held.embedder
            hits = chunks.nearest(held.database, embedder.embed_query(text), embedder.model, limit=HITS)
            others = [name for name in chunks.models(held.database) if name != embedder.model]
        note = f"by {embedder.model}"
        if others:
            note += f"; those of {', '.join(others)} can not be compared"
        return Found(tuple(hit_view(hit) for hit in hits), safe_text(note, limit=200))

    @contextmanager
    def _asking(self) -> Iterator[Resources]:
        """Reach the stores of files, and say their errors in the gateway's words."""
        if self._held is None:
            raise GatewayUnavailable("this console was not told where the files are")
        try:
            with translated():
                self._read_clock()
                yield self._held
        except Transient as error:
            raise GatewayUnavailable(str(error)) from error
        except TasksError as error:
            raise GatewayRefused(str(error)) from error
