"""What is printed: safe for a terminal, aligned, and JSON that anything can read."""

import json
import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import Struct

from console.commands.printing import as_document, paragraph, plain, shown, span, table, visible
from storage.wording import plural
from tests.console.payloads import PAYLOADS
from tests.console.stage import hidden_characters


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_nothing_hidden_is_left_in_a_text(payload: str) -> None:
    assert hidden_characters(visible(payload)) == []
    assert "\n" not in visible(payload)
    assert hidden_characters(visible(payload, lines=True)) == []


class Thing(Struct, frozen=True):
    at: datetime
    parts: tuple[object, ...]


def test_any_value_becomes_one_json_document() -> None:
    thing = Thing(datetime(2026, 10, 31, 3, 0, tzinfo=UTC), (1, 2.5, True, None, b"\xff\x00", "é", math.inf))
    document = as_document({"thing": thing, 7: {Decimal("1.10")}, "took": timedelta(seconds=3), "at": Path("/x")})
    assert json.loads(document) == {
        "thing": {"at": "2026-10-31T03:00:00+00:00", "parts": [1, 2.5, True, None, "\\xff\x00", "é", "inf"]},
        "7": ["1.10"],
        "took": "0:00:03",
        "at": "/x",
    }
    assert plain([math.nan]) == ["nan"]


def test_json_shows_letters_and_escapes_what_a_terminal_would_obey() -> None:
    text = "naïve 日本 \x1b[2J \x7f \x9b \u202e \u2028 \U000e0041 \ud800"
    document = as_document(text)
    assert "naïve 日本" in document
    assert json.loads(document) == text
    assert visible(document, lines=True) == document


def test_columns_are_aligned_and_ends_are_bare() -> None:
    assert table(["NAME", " N", "LAST"], [["a", "1", ""], ["longer", "100", "x"]]) == [
        "NAME      N  LAST",
        "a         1",
        "longer  100  x",
    ]


def test_on_a_terminal_the_last_column_ends_with_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "20")
    assert table(["ID", "ERROR"], [["a", "日本語日本語日本語"], ["b", "short"]]) == [
        "ID  ERROR",
        "a   日本語日本語日…",
        "b   short",
    ]
    assert paragraph("one two three\nfour", " " * 4, "ok  ") == ["ok  one two three", "    four"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-3, "0s"), (0, "0s"), (59.9, "59s"), (60, "1m"), (119, "1m"), (3_599, "59m"), (7_300, "2h"), (200_000, "2d")],
)
def test_a_span_is_said_in_its_largest_unit_and_never_rounded_up(seconds: float, said: str) -> None:
    assert span(seconds) == said


def test_words_for_numbers_and_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert (plural(1, "file"), plural(0, "file"), plural(12_345, "file")) == ("1 file", "0 files", "12,345 files")
    assert (shown(Path("/home/ada/x/y")), shown(Path("/srv/x"))) == ("~/x/y", "/srv/x")
