"""The filter's words."""

import pytest

from console.gateway.filters import Filter, FilterError, parse


@pytest.mark.parametrize(
    ("text", "criteria"),
    [
        ("", Filter()),
        ("   ", Filter()),
        ("state:dead", Filter(("dead",))),
        ("state:dead,retrying queue:email", Filter(("dead", "retrying"), ("email",))),
        ("queue:a,b,a", Filter((), ("a", "b"))),
        ("'queue:with blank'", Filter((), ("with blank",))),
        ('queue:"with blank"', Filter((), ("with blank",))),
    ],
)
def test_states_and_queues_are_understood(text: str, criteria: Filter) -> None:
    assert parse(text) == criteria


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("timeout", "“timeout” is not understood"),
        ("task:ingest", "“task:ingest” is not understood"),
        ("state:", "names no state"),
        ("state:broken", "the states are blocked scheduled queued"),
        ("state:dead state:queued", "stands twice"),
        ("queue:a queue:b", "stands twice"),
        ("queue:'a", "a quote is not closed"),
    ],
)
def test_anything_else_is_an_error_that_names_what_is_understood(text: str, says: str) -> None:
    with pytest.raises(FilterError, match=says):
        parse(text)


@pytest.mark.parametrize("text", ["", "state:dead,queued", "queue:email", "state:dead queue:a,b", "'queue:with blank'"])
def test_a_filter_is_written_as_it_is_read(text: str) -> None:
    assert parse(parse(text).text()) == parse(text)
    assert parse(text).text() == text
