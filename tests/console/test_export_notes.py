"""What is to be known of a list as a whole is in its file too, in every format, and breaks none of them."""

import csv
import io
import json
from pathlib import Path

import pytest

from console.exporting import NOTE, Extract, Format, written
from console.gateway.views import JobPage
from tests.console.gateways import VastGateway
from tests.console.stage import Stage, play, still_app
from tests.console.test_paging import MovingList

FORMATS: tuple[Format, ...] = ("json", "ndjson", "csv")
MOVED = "Jobs came or went meanwhile: 2 were read, 3 were there to be read at first."


class Moving(VastGateway):
    """A list from which jobs go while it is read."""

    def __init__(self) -> None:
        super().__init__(5_000)
        self.moving = MovingList(5_000, going=500)

    def jobs(self, criteria: str, offset: int, limit: int) -> JobPage:
        """Return a page of it; after each of an export there is less."""
        if limit >= 1_000:
            return self.moving.jobs(offset, limit)
        return super().jobs(criteria, offset, limit)


def records(form: Format, text: str) -> list[dict[str, str]]:
    """What a reader of a format gets who knows nothing of notes."""
    if form == "json":
        return list(json.loads(text))
    if form == "ndjson":
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("form", FORMATS)
def test_every_record_says_that_the_list_moved_and_is_read_as_ever(form: Format) -> None:
    extract = Extract([{"id": "a", "note": "its own"}, {"id": "b", "note": None}], MOVED)
    found = records(form, written(extract.noted, form))
    assert [(one["id"], one[NOTE]) for one in found] == [("a", MOVED), ("b", MOVED)]
    assert found[0]["note"] == "its own"
    assert list(found[0])[-1] == NOTE


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_is_added_where_nothing_is_to_be_known(form: Format) -> None:
    extract = Extract([{"id": "a"}])
    assert records(form, written(extract.noted, form)) == [{"id": "a"}]


@pytest.mark.parametrize(("form", "keys"), [("json", ()), ("ndjson", ("down",)), ("csv", ("down", "down"))])
def test_a_list_that_moved_while_it_was_exported_says_so_in_the_file(
    form: Format, keys: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def script(stage: Stage) -> None:
        await stage.press("e", *keys, "enter")
        assert "Jobs came or went meanwhile" in stage.notes

    play(script, still_app(Moving(), start="jobs"))
    (path,) = tmp_path.iterdir()
    found = records(form, path.read_text())
    assert len(found) == 3_500
    assert {one[NOTE] for one in found} == {
        "Jobs came or went meanwhile: 3,500 were read, 5,000 were there to be read at first."
    }


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_of_nothing_says_why_it_has_nothing(form: Format) -> None:
    assert records(form, written(Extract([], MOVED).noted, form)) == [{NOTE: MOVED}]
