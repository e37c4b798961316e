"""Lists that are read from place to place, and filters as the console carries them."""

from datetime import UTC, datetime, timedelta

import pytest

from console.exporting import all_jobs
from console.gateway import criteria, paging
from console.gateway.paging import Pager
from console.gateway.views import JobPage, MarkedJob
from storage.errors import FilterError
from storage.history.entries import Count, Entry
from storage.history.ledger import Found
from storage.history.walking import Place
from storage.values import replace
from tests.console.gateways import VastGateway

NOW = datetime(2026, 3, 14, 2, 47, tzinfo=UTC)


def entry(number: int) -> Entry:
    at = NOW + timedelta(seconds=number)
    rest = ("t.work", "default", "dead", 0.0, None, None, None, None, None, None, 1, 0, 0, 0)
    texts = ("", "", "", "", "", "", "", "", "")
    return Entry(f"job-{number:07}", at, 1, *rest, *texts, args=None)  # type: ignore[arg-type]  # the fields in order


class Shelf:
    """Jobs of history by number, the highest the newest; counts what it was asked."""

    def __init__(self, size: int) -> None:
        self.numbers = list(range(size, 0, -1))
        self.asked: list[tuple[str, int]] = []
        self.trouble = ""

    def ask(self, after: str, limit: int) -> Found:
        self.asked.append((after, limit))
        if self.trouble:
            return Found((), "", self.trouble)
        first = 0
        if after:
            place = Place.read(after)
            first = self.numbers[0] - round((place.created_at - NOW).total_seconds()) + 1
        found = [entry(number) for number in self.numbers[first : first + limit]]
        has_more = first + limit < len(self.numbers)
        return Found(tuple(found), str(Place(found[-1].created_at, found[-1].id)) if has_more else "")


def shown(pager: Pager, shelf: Shelf, offset: int, limit: int = 50) -> tuple[int, list[int]]:
    first, rows, trouble = pager.read(shelf.ask, offset, limit)
    assert trouble == ""
    return first, [int(row.id.removeprefix("job-")) for row in rows]


def test_scrolling_a_long_list_never_reads_what_it_has_passed() -> None:
    pager, shelf = Pager(), Shelf(100_000)
    for offset in range(0, 30_000, 50):
        first, numbers = shown(pager, shelf, offset)
        assert (first, numbers[0]) == (offset, 100_000 - offset)
        assert len(numbers) == 50
    assert max(limit for _, limit in shelf.asked) < 2 * paging.STEP + 50


def test_a_jump_back_begins_at_the_nearest_place() -> None:
    pager, shelf = Pager(), Shelf(100_000)
    shown(pager, shelf, 9_000)
    shelf.asked.clear()
    assert shown(pager, shelf, 4_321)[1][0] == 100_000 - 4_321
    assert len(shelf.asked) == 1
    assert shelf.asked[0][1] <= paging.STEP + 50


def test_the_total_grows_while_one_scrolls_and_is_exact_at_the_end() -> None:
    pager, shelf = Pager(), Shelf(700)
    shown(pager, shelf, 0)
    assert (pager.total, pager.is_exact) == (50 + paging.AHEAD, False)
    assert shown(pager, shelf, 600, 200) == (600, list(range(100, 0, -1)))
    assert (pager.total, pager.is_exact) == (700, True)


def test_a_count_that_goes_no_further_keeps_an_end_that_was_seen() -> None:
    pager, shelf = Pager(), Shelf(700)
    pager.counted(Count(10_000, False))
    assert (pager.total, pager.is_exact) == (10_000, False)
    shown(pager, shelf, 600, 200)
    pager.counted(Count(300, False))
    assert (pager.total, pager.is_exact) == (700, True)
    pager.counted(Count(701, True))
    assert (pager.total, pager.is_exact) == (701, True)


def test_places_behind_new_jobs_are_forgotten() -> None:
    pager, shelf = Pager(), Shelf(5_000)
    shown(pager, shelf, 1_000)
    shelf.numbers.insert(0, 5_001)
    assert shown(pager, shelf, 0, 300)[1][0] == 5_001
    assert shown(pager, shelf, 1_000)[1][0] == 4_001, "a place from before would have skipped a job"


def test_a_window_beyond_the_end_shows_nothing_and_learns_the_end() -> None:
    pager, shelf = Pager(), Shelf(120)
    pager.counted(Count(500, True))
    first, rows, _ = pager.read(shelf.ask, 400, 50)
    assert (first, rows) == (120, ())
    assert (pager.total, pager.is_exact) == (120, True)


def test_trouble_is_handed_on_and_nothing_is_learnt_from_it() -> None:
    pager, shelf = Pager(), Shelf(120)
    shelf.trouble = "history is away"
    assert pager.read(shelf.ask, 0, 50) == (0, (), "history is away")
    shelf.trouble = ""
    assert len(shown(pager, shelf, 0)[1]) == 50


@pytest.mark.parametrize(
    ("text", "states", "queues"),
    [
        ("", 8, ()),
        ("state:dead,running queue:email", 2, ("email",)),
        ("queue:a,b", 8, ("a", "b")),
    ],
)
def test_states_and_queues_alone_are_plain(text: str, states: int, queues: tuple[str, ...]) -> None:
    said = criteria.plain(criteria.parsed(text, NOW, UTC))
    assert said is not None
    assert (len(said[0]), said[1]) == (states, queues)


@pytest.mark.parametrize(
    "text", ["timeout", "state:dead err:x", "-state:dead", "queue:e*", "state:dead OR queue:a", "state:dead state:dead"]
)
def test_what_only_history_can_answer_is_not_plain(text: str) -> None:
    assert criteria.plain(criteria.parsed(text, NOW, UTC)) is None


def test_names_of_queues_are_quoted_where_they_must_be() -> None:
    for name in ("email", 'two words "quoted"', "-x", "a,b", "OR"):
        said = criteria.plain(criteria.parsed(criteria.of_queue(name), NOW, UTC))
        assert said is not None
        assert said[1] == (name,)
    assert criteria.of_states("dead", "retrying") == "state:dead,retrying"


def test_what_is_no_filter_says_where() -> None:
    with pytest.raises(FilterError) as caught:
        criteria.parsed("queue:a stat:dead", NOW, UTC)
    assert (caught.value.position, caught.value.suggestion) == (8, "state")


def test_a_jump_to_the_end_keeps_only_what_is_shown() -> None:
    pager, shelf = Pager(), Shelf(9_990)
    pager.counted(Count(9_990, True))
    assert shown(pager, shelf, 9_900) == (9_900, list(range(90, 40, -1)))
    assert {limit for _, limit in shelf.asked} <= {paging.MOST, 950}
    shelf.asked.clear()
    assert shown(pager, shelf, 9_940)[1] == list(range(50, 0, -1))
    assert len(shelf.asked) == 1


def test_what_is_marked_is_kept_small_and_asked_for_page_by_page() -> None:
    gateway, asked = VastGateway(12_345), list[tuple[int, int]]()

    def ask(offset: int, limit: int) -> JobPage:
        asked.append((offset, limit))
        return gateway.jobs("", offset, limit)

    found, note = (marked := paging.marked(ask, 45, 10_000)).jobs, marked.note
    assert len({one.key for one in found}) == 10_000
    assert note == ""
    assert (found[0].key, asked[0], asked[-1]) == (gateway.jobs("", 45, 1).rows[0].key, (45, 1_000), (9_045, 1_000))
    assert [one.key for one in paging.marked(ask, 12_300, 100).jobs] == [
        one.key for one in gateway.jobs("", 12_300, 100).rows
    ]


class MovingList:
    """A list of jobs, the newest first: with each question some come at its top, and some go from there."""

    def __init__(self, size: int, *, coming: int = 0, going: int = 0, is_exact: bool = True) -> None:
        self.keys = [f"job-{number}" for number in range(size)]
        self.first = set(self.keys)
        self.coming, self.going, self.is_exact = coming, going, is_exact
        self.asked = 0
        self._row = VastGateway(1).row(0)

    def jobs(self, offset: int, limit: int) -> JobPage:
        self.asked += 1
        rows = tuple(replace(self._row, key=key) for key in self.keys[offset : offset + limit])
        page = JobPage(len(self.keys), offset, rows, self.is_exact)
        self.keys = [f"new-{self.asked}-{number}" for number in range(self.coming)] + self.keys[self.going :]
        return page


@pytest.mark.parametrize("coming", [1, 300, 999])
@pytest.mark.parametrize("is_exact", [True, False])
def test_where_jobs_come_meanwhile_all_that_were_there_are_read(coming: int, is_exact: bool) -> None:
    moving = MovingList(5_000, coming=coming, is_exact=is_exact)
    if coming == 999:
        moving.keys = moving.keys[:1_010]
        moving.first = set(moving.keys)
    extract = all_jobs(moving.jobs)
    assert {record["id"] for record in extract.records} == moving.first
    assert extract.note == ""


@pytest.mark.parametrize("is_exact", [True, False])
def test_a_page_without_a_new_job_is_not_the_end(is_exact: bool) -> None:
    moving = MovingList(5_000, coming=1_000, is_exact=is_exact)
    read = moving.jobs

    def ask(offset: int, limit: int) -> JobPage:
        page = read(offset, limit)
        moving.coming = 0
        return page

    assert paging.marked(ask, 0, 10_000) == paging.Marked(
        tuple(MarkedJob(f"job-{number}", "queued") for number in range(5_000))
    )
    moving = MovingList(5_000, coming=1_000, is_exact=is_exact)
    read = moving.jobs
    extract = all_jobs(ask)
    assert (len(extract.records), extract.note) == (5_000, "")


def test_where_as_many_come_as_are_read_that_is_said_and_it_ends() -> None:
    moving = MovingList(5_000, coming=1_000, is_exact=False)
    extract = all_jobs(moving.jobs)
    assert (len(extract.records), moving.asked) == (1_000, 1 + paging.IN_VAIN_AT_MOST)
    assert extract.note == ("These are the first 1,000: narrow the filter for the others. Jobs came or went meanwhile.")
    assert paging.marked(MovingList(5_000, coming=1_000).jobs, 0, 10_000).note == (
        "Jobs came or went meanwhile: 1,000 were read, 5,000 were there to be read at first."
    )


def test_where_jobs_go_meanwhile_the_number_says_so() -> None:
    said = "Jobs came or went meanwhile: 3,500 were read, 5,000 were there to be read at first."
    extract = all_jobs(MovingList(5_000, going=500).jobs)
    assert (len(extract.records), extract.note) == (3_500, said)
    found = paging.marked(MovingList(5_000, going=500).jobs, 0, 10_000)
    assert (len(found.jobs), found.note) == (3_500, said)


def test_a_range_of_a_list_that_stays_is_marked_without_a_word() -> None:
    assert paging.marked(MovingList(5_000).jobs, 4_000, 500).note == ""
    assert paging.marked(MovingList(5_000).jobs, 4_800, 500).note == ""
    assert len(paging.marked(MovingList(5_000).jobs, 4_800, 500).jobs) == 200
    assert paging.marked(MovingList(0).jobs, 0, 500) == paging.Marked(())
