"""The grammar of filters: what is understood, how it is written back, and how a mistake is explained."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage.errors import FilterError
from storage.history.conditions import Condition, Logged
from storage.history.filters import All, Any, Argument, Between, During, Filter, Is, Not, Span, Window, Word
from storage.history.query import FIELDS, parse
from tests.storage.history.trees import FILTERS, NOW

PARIS = ZoneInfo("Europe/Paris")


def read(text: str, now: datetime = NOW, zone: ZoneInfo = PARIS) -> Filter:
    return parse(text, now=now, zone=zone)


def refused(text: str) -> FilterError:
    with pytest.raises(FilterError) as caught:
        read(text)
    return caught.value


# -- what is understood ----------------------------------------------------------------------------------------


def test_nothing_means_every_job() -> None:
    assert read("").node is None
    assert read(" \n").node is None


def test_fields_stand_side_by_side() -> None:
    found = read("state:dead,canceled queue:email err:Timeout args.user.id:42 attempt:>=3 dur:>5s ada")
    assert found.node == All(
        (
            Is("state", ("dead", "canceled")),
            Is("queue", ("email",)),
            Is("err", ("Timeout",)),
            Argument(("user", "id"), ("42",)),
            Between("attempt", (Span(3, None),)),
            Between("dur", (Span(5_001, None),)),
            Word("ada"),
        )
    )


def test_or_binds_less_than_standing_side_by_side() -> None:
    a, b, c, d = (Word(letter) for letter in "abcd")
    assert read("a b OR c d").node == Any((All((a, b)), All((c, d))))
    assert read("a (b OR c) AND d").node == All((a, Any((b, c)), d))
    assert read("(a OR b) OR (c OR d)").node == Any((a, b, c, d))
    assert read("((a b)) c").node == All((a, b, c))


def test_what_is_negated_is_what_comes_next() -> None:
    a, b = Word("a"), Word("b")
    assert read("-a b").node == All((Not(a), b))
    assert read("NOT a OR -b").node == Any((Not(a), Not(b)))
    assert read("-(a b)").node == Not(All((a, b)))
    assert read("--a").node == Not(Not(a))
    assert read("a-b").node == Word("a-b")


def test_quotes_keep_what_they_hold_together() -> None:
    assert read('"a OR b"').node == Word("a OR b")
    assert read(r'err:"say \"no\", twice"').node == Is("err", ('say "no", twice',))
    assert read('args."a.b".c:"x,y",z').node == Argument(("a.b", "c"), ("x,y", "z"))
    assert read('"OR"').node == Word("OR")
    assert read("or and not").node == All((Word("or"), Word("and"), Word("not")))


def test_numbers_have_bounds_and_units() -> None:
    assert read("attempt:3,5..").node == Between("attempt", (Span(3, 3), Span(5, None)))
    assert read("dur:1s..1h30m").node == Between("dur", (Span(1_000, 5_400_000),))
    assert read("wait:<1.5s").node == Between("wait", (Span(None, 1_499),))
    assert read("last:24h").node == read("age:<=1d").node == Between("age", (Span(None, 86_400_000),))


@pytest.mark.parametrize(
    ("word", "start", "end"),
    [
        ("02:40..03:10", "2026-11-22T01:40", "2026-11-22T02:10"),
        ("23:50..00:20", "2026-11-21T22:50", "2026-11-21T23:20"),
        ("04:30", "2026-11-22T03:30", "2026-11-22T03:31"),
        ("04:31", "2026-11-21T03:31", "2026-11-21T03:32"),
        ("2026-11-20", "2026-11-19T23:00", "2026-11-20T23:00"),
        ("2026-11-18..2026-11-19", "2026-11-17T23:00", "2026-11-19T23:00"),
        ("2026-11-20T22:00..01:00", "2026-11-20T21:00", "2026-11-21T00:00"),
        ("2026-11-20T22:00Z..now", "2026-11-20T22:00", "2026-11-22T03:30:00.123"),
        ("yesterday", "2026-11-20T23:00", "2026-11-21T23:00"),
        ("today..", "2026-11-21T23:00", None),
        ("..02:00", None, "2026-11-22T01:00"),
    ],
)
def test_clock_times_are_the_readers_own_and_the_latest(word: str, start: str | None, end: str | None) -> None:
    start_at, end_at = (datetime.fromisoformat(at).replace(tzinfo=UTC) if at else None for at in (start, end))
    assert read(f"at:{word}").node == During((Window(start_at, end_at),))


def test_a_clock_time_of_the_long_night_is_the_first_of_its_two() -> None:
    after_the_change = datetime(2026, 10, 25, 12, tzinfo=UTC)
    (window,) = read("at:02:30", after_the_change).node.windows  # type: ignore[union-attr]
    assert window.start_at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


# -- written back ----------------------------------------------------------------------------------------------


@settings(max_examples=500)
@given(FILTERS)
def test_a_filter_that_is_written_and_read_again_is_the_same(filter: Filter) -> None:
    assert read(str(filter)) == filter


@settings(max_examples=500)
@example('"args."')
@example('"ARGS.x"')
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [*FIELDS, "OR", "NOT", "AND", "-", "(", ")", '"', ":", ",", "..", ">", "<=", " ", "\\", "args."]
            ),
            st.sampled_from(
                ["5", "5s", "dead", "02:40", "2026-02-30", "9999-12-31", "0001-01-01T00:00", "Z", "1e9", "99999999d"]
            ),
            st.text(max_size=4),
        ),
        max_size=12,
    ).map("".join)
)
def test_whatever_is_written_is_read_or_refused_with_its_place(text: str) -> None:
    try:
        found = read(text)
    except FilterError as error:
        refusal = error
    else:
        assert read(str(found)) == found
        return
    assert 0 <= refusal.position <= refusal.position + refusal.length <= len(text)
    assert str(refusal)


# -- mistakes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wrong", "suggestion", "says"),
    [
        ("queue:x stat:dead", "stat", "state", "“stat” is no field: did you mean state? The fields are state queue"),
        ("queue:x zzz:dead", "zzz", "", "“zzz” is no field; the fields are state queue"),
        ("error:Timeout", "error", "err", "did you mean err?"),
        ("state:ded", "ded", "dead", "did you mean dead? The states are blocked"),
        ("state:dead,failed", "failed", "dead", "“failed” is no state"),
        ("dur:>5sec", "5sec", "5s", "“sec” is no unit of time: write ms, s, m"),
        ("dur:>5", "5", "5s", "has a unit"),
        ("dur:>5S", "5S", "5s", "“S” is no unit"),
        ("dur:5s", "5s", ">5s", "Write >5s, <5s or 5s..10s"),
        ("wait:1m..1s", "1m..1s", "1s..1m", "ends before it begins"),
        ("attempt:two", "two", "", "no number of attempts"),
        ("age:>101w9999999d", "101w9999999d", "", "a hundred years"),
        ("at:25:00", "25:00", "", "write 02:40..03:10"),
        ("at:2026-11-20..2026-11-19", "2026-11-20..2026-11-19", "", "ends before it begins"),
        ("at:1600-01-01", "1600-01-01", "", "between 1970 and 9998"),
        ("a,b", ",", "", "has a field before it"),
        ("http://x", "http", "", "is no field"),
        ("(a", "(", "", "not closed"),
        ("a)", ")", "", "closes nothing"),
        ("a ()", "()", "", "nothing in these"),
        ('a "b', '"', "", "not closed"),
        ("a - b", "-", "", "negates what comes right after it"),
        ("args:4", "args", "", "args.user_id:42"),
        ("log:...,", "", "", "names nothing"),
        ('log:","', '","', "", "looked for by words"),
        ("a\0b", "\0", "", "no text that is stored"),
    ],
)
def test_a_mistake_is_explained_where_it_is(text: str, wrong: str, suggestion: str, says: str) -> None:
    error = refused(text)
    assert text[error.position : error.position + error.length] == wrong
    assert error.suggestion == suggestion
    assert says in str(error)


@pytest.mark.parametrize(("text", "position"), [("a OR", 4), ("state:", 6), ("NOT", 3), ("args.:4", 5), ("err:,x", 4)])
def test_what_is_missing_is_said_where_it_should_be(text: str, position: int) -> None:
    error = refused(text)
    assert (error.position, error.length) == (position, 0)


def test_a_filter_has_a_size() -> None:
    assert "4,000 characters" in str(refused("x" * 4_001))
    assert "100 words" in str(refused("x " * 101))
    assert "40 levels" in str(refused("(" * 41 + "x" + ")" * 41))
    assert read("(" * 39 + "x" + ")" * 39).node == Word("x")


def test_a_filter_says_what_it_asks_for() -> None:
    found = read("(state:dead OR -queue:a,b) x")
    assert set(found.leaves()) == {Is("state", ("dead",)), Is("queue", ("a", "b")), Word("x")}
    narrowed = read("a b").narrowed(Is("queue", ("email",)))
    assert str(narrowed) == "a b queue:email"
    assert read("").narrowed(Word("a")).node == Word("a")
    assert narrowed.now == NOW


def test_only_the_jobs_that_may_have_logged_a_line_are_asked_for_in_a_window() -> None:
    begun_at = datetime(2026, 11, 5, tzinfo=UTC)
    found = Logged((("first", begun_at), ("second", begun_at + timedelta(days=3))))
    assert found.within(Window(None, begun_at)) == ["first", "second"], "a job may log long after it was made"
    assert found.within(Window(begun_at + timedelta(days=1), None)) == ["first", "second"], "a clock may be a day late"
    assert found.within(Window(begun_at + timedelta(days=1, seconds=1), None)) == ["second"]
    asked = Condition("id = ANY (%s::text[])", (found,)).within(Window(begun_at + timedelta(days=9), None))
    assert asked.parameters == ([],)
