"""Pages that are put right read no more of the broker than can be on them, and say the same as if all had been read."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.requests import Claim
from storage.database.connection import Database
from storage.history import ledger, live
from storage.history.entries import Page
from storage.history.filters import Filter
from storage.history.ledger import Ledger
from storage.history.live import Live
from storage.history.query import parse
from storage.history.recorder import Recorder
from storage.history.shown import Opaque, Shown
from tests.storage.history.lives import REQUEST, Lives

FILTERS = ("", "state:succeeded,dead,canceled", "state:queued OR task:rare", "zebra")


@pytest.fixture
def book(database: Database, inspector: Inspector) -> Ledger:
    return Ledger(database, inspector, Shown(Opaque(), lambda value: value))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many fields of each record were asked for, one number for each record."""
    counts: list[int] = []
    records = Live._records

    def counted(reads: Live, job_ids: Sequence[str], fields: Sequence[Sequence[str]]) -> list[Any]:
        counts.extend(map(len, fields))
        return records(reads, job_ids, fields)

    monkeypatch.setattr(Live, "_records", counted)
    return counts


def ask(text: str) -> Filter:
    return parse(text, now=datetime.now(UTC), zone=UTC)


def record(recorder: Recorder) -> None:
    while recorder.step():
        pass


def pages(book: Ledger, text: str, limit: int) -> list[tuple[list[tuple[str, int]], str]]:
    """All pages of a filter: ids and versions, and where each goes on."""
    found, after = [], ""
    while True:
        page = book.search(ask(text), after, limit)
        assert page.trouble == ""
        found.append(([(entry.id, entry.version) for entry in page.entries], page.after))
        if not page.after:
            return found
        after = page.after


def live_at_random(lives: Lives, chance: random.Random, steps: int, running: list[Claim]) -> None:
    """Jobs that are made in another order than they end, some of them of a rare task."""
    for _ in range(steps):
        what = chance.random()
        if what < 0.45:
            lives.add(task=chance.choice(("t.work", "t.work", "t.work", "t.rare")), payload=b'{"word": "zebra"}')
        elif what < 0.7 and (claim := lives._broker.claim(REQUEST)) is not None:
            running.append(claim)
        elif running:
            claim = running.pop(chance.randrange(len(running)))
            if chance.random() < 0.7:
                lives.settle(claim, "succeeded", result=b"7")
            else:
                lives.settle(claim, "dead", "failed", error_type="KeyError", error="no", fingerprint="f", shape="s")


@pytest.mark.parametrize("seed", range(2))
def test_what_is_read_in_parts_is_what_is_read_at_once(
    seed: int, book: Ledger, lives: Lives, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, running = random.Random(seed), list[Claim]()
    live_at_random(lives, chance, 40, running)
    record(recorder)
    live_at_random(lives, chance, 80, running)
    for text in FILTERS:
        for limit in (4, 15, 200):
            monkeypatch.setattr(live, "UNREAD_AT_ONCE", live.UNREAD_SHOWN)
            at_once = pages(book, text, limit)
            for most in (3, 20):
                monkeypatch.setattr(live, "UNREAD_AT_ONCE", most)
                assert pages(book, text, limit) == at_once, (text, limit, most)
    assert sum(len(rows) for rows, _ in pages(book, "", 200)) > 30


def test_no_more_is_read_than_can_be_on_the_page(
    book: Ledger, lives: Lives, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "UNREAD_AT_ONCE", 15)
    monkeypatch.setattr(live, "AHEAD", timedelta(0))
    ended = [lives.succeed() for _ in range(60)]  # three events each, and none of them recorded
    page = book.search(ask("state:succeeded,dead"), "", 10)
    assert [entry.id for entry in page.entries] == ended[:-11:-1]
    assert 10 < len(asked) <= 20
    asked.clear()
    assert len(book.search(ask("state:succeeded"), "", 100).entries) == 60
    assert len(asked) == 60


def test_the_newest_events_are_looked_at_and_no_others(
    book: Ledger, lives: Lives, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "UNREAD_SHOWN", 10)
    monkeypatch.setattr(live, "UNREAD_AT_ONCE", 4)
    ended = [lives.succeed() for _ in range(8)]
    page = book.search(ask("state:succeeded"), "", 100)
    assert [entry.id for entry in page.entries] == ended[:-5:-1]  # three events each, and the last one of a fourth
    assert len(asked) == 4


def test_of_a_job_of_which_history_says_the_same_two_fields_are_read(
    book: Ledger, lives: Lives, recorder: Recorder, asked: list[int]
) -> None:
    done, waits = lives.succeed(), lives.add()
    record(recorder)
    assert {entry.id for entry in book.search(ask("")).entries} == {done, waits}
    assert asked == [2, 2]
    asked.clear()
    lives.settle(lives.claim(), "succeeded", result=b"7")
    states = {entry.id: entry.state for entry in book.search(ask("")).entries}
    assert states == {done: "succeeded", waits: "succeeded"}
    assert sorted(asked) == [2, 2, len(live._FIELDS)]


def test_jobs_that_come_after_the_page_settle_it() -> None:
    page = Page((), "2026-11-22T03:00:00+00:00/a")
    draft = ledger._Draft(ask(""), page, None, 5)
    at = datetime(2026, 11, 22, 3, tzinfo=UTC)
    assert draft.is_settled(None)
    assert draft.is_settled(at - timedelta(milliseconds=1))
    assert not draft.is_settled(at)


def test_a_page_is_settled_when_it_is_known_to_go_on(book: Ledger, lives: Lives) -> None:
    draft = ledger._Draft(ask(""), Page((), ""), None, 1)
    for _ in range(2):
        assert not draft.is_settled(datetime(2020, 1, 1, tzinfo=UTC))
        draft.entries += book._live.entries([lives.add()], {}).values()
    assert draft.is_settled(datetime(2020, 1, 1, tzinfo=UTC))
    assert not draft.is_settled(draft.entries[0].created_at)


def test_a_job_that_ended_long_after_younger_ones_is_where_it_belongs(
    book: Ledger, lives: Lives, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "UNREAD_AT_ONCE", 2)
    old = lives.add()
    claim = lives.claim()
    young = [lives.succeed() for _ in range(3)]
    lives.settle(claim, "succeeded", result=b"7")
    assert [entry.id for entry in book.search(ask("state:succeeded"), "", 3).entries] == young[::-1]
    assert [entry.id for entry in book.search(ask("state:succeeded"), "", 4).entries] == [*young[::-1], old]


def test_a_clock_that_is_read_after_an_event_was_dated_changes_nothing(
    book: Ledger, lives: Lives, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "UNREAD_AT_ONCE", 6)
    ended = [lives.succeed() for _ in range(3)]
    events: Any = broker.client.xrange(broker.keys.events, count=1)
    at_ms = int(events[0][0].partition(b"-")[0])
    for job_id, ms in zip(ended, (9, 7, 8), strict=True):
        broker.client.hset(broker.keys.job(job_id), "created", at_ms + ms)
    assert [entry.id for entry in book.search(ask("state:succeeded"), "", 1).entries] == ended[:1]
