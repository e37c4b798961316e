"""How things are said."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from rich.cells import cell_len

from console import formats
from console.formats import Moment, TimeMode, brief, safe_text
from storage.broker.records import STATES
from storage.values import replace

NOW = datetime(2026, 3, 14, 2, 47, 13, 250_000, tzinfo=UTC)


def test_controls_become_escapes_that_can_be_seen() -> None:
    assert safe_text("a\x1b[2Jb\x9bc\x00").plain == "a\\x1b[2Jb\\x9bc\\x00"
    assert safe_text("\u202eexe\U000e0041").plain == "\\u202eexe\\U000e0041"


def test_ordinary_texts_of_many_scripts_stay_as_they_are() -> None:
    for text in ("plain", "käthe", "請求書", "протокол", "רשימה", "e\u0301", "🧨"):
        assert safe_text(text).plain == text


def test_a_text_too_long_is_cut_and_says_by_how_much() -> None:
    assert safe_text("x" * 1_500, limit=500).plain == "x" * 500 + "… 1,000 more characters"


def test_line_ends_stay_only_where_lines_are_drawn() -> None:
    assert safe_text("a\nb").plain == "a↵b"
    assert safe_text("a\r\nb\rc", lines=True).plain == "a\nb\\x0dc"


def test_marks_that_would_climb_over_other_lines_are_escaped() -> None:
    text = safe_text("z" + "\u0324" * 9).plain
    assert text.count("\u0324") == formats.MARKS_LIMIT
    assert text.count("\\u0324") == 9 - formats.MARKS_LIMIT


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 5), ("abcdefgh", 5), ("請求書です", 5), ("請", 1), ("", 3), ("a", 0)]
)
@pytest.mark.parametrize("right", [False, True])
def test_fit_fills_exactly_the_cells(text: str, width: int, right: bool) -> None:
    assert cell_len(formats.fit(text, width, right)) == width


def test_folded_pieces_fit_and_lose_nothing() -> None:
    text = "ab請求書cd" * 7
    pieces = formats.wrapped(text, 9, 9)
    assert "".join(pieces) == text
    assert all(cell_len(piece) <= 9 for piece in pieces)


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (99_999, "99,999"), (100_000, "100k"), (1_234_567, "1.2M"), (5_000_000_000, "5.0G")],
)
def test_counts_stay_short(number: int, text: str) -> None:
    assert formats.count(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 ms"),
        (0.34, "340 ms"),
        (0.9999, "1.0 s"),
        (4.24, "4.2 s"),
        (9.96, "10 s"),
        (59.6, "1 m 00"),
        (185, "3 m 05"),
        (3_599.7, "1 h 00"),
        (8_040, "2 h 14"),
        (5 * 86_400 + 3 * 3_600, "5 d 03"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    assert formats.duration(seconds) == text


def test_instants_are_written_in_each_mode() -> None:
    at = NOW - timedelta(minutes=3, seconds=5)
    berlin = ZoneInfo("Europe/Berlin")
    assert Moment(NOW).short(at) == "02:44:08"
    assert Moment(NOW, TimeMode.LOCAL, berlin).short(at) == "03:44:08"
    assert Moment(NOW, TimeMode.RELATIVE).short(at) == "3m ago"
    assert Moment(NOW).full(at) == "2026-03-14 02:44:08.250 UTC (3m ago)"
    assert Moment(NOW, TimeMode.LOCAL, berlin).full(at) == "2026-03-14 03:44:08.250 CET (3m ago)"
    assert Moment(NOW, TimeMode.LOCAL, berlin).clock() == "03:47:13 CET"
    assert Moment(NOW).full(None) == "–"


def test_short_instants_never_need_more_than_nine_cells() -> None:
    for days in (0, 0.4, 1, 40, 299, 400, 4_000):
        for sign in (-1, 1):
            for mode in TimeMode:
                text = Moment(NOW, mode, ZoneInfo("Asia/Kolkata")).short(NOW + sign * timedelta(days=days))
                assert len(text) <= 9, text


def test_every_state_has_a_glyph_of_one_cell_that_is_no_emoji() -> None:
    assert set(formats.GLYPHS) == set(STATES)
    assert len(set(formats.GLYPHS.values())) == len(STATES)
    for glyph in formats.GLYPHS.values():
        assert cell_len(glyph) == 1
        assert ord(glyph) < 0x2B00


def test_a_sparkline_shows_the_last_values_and_every_one_above_zero() -> None:
    assert formats.sparkline([9, 9, 0, 1, 100], 3) == " ▁▇"
    assert formats.sparkline([], 3) == "   "
    assert formats.sparkline([5], 3, top=10) == "  ▄"


def test_values_are_written_as_one_line() -> None:
    assert formats.compact({"a": [1, "x", None], "b": {"c": True}}) == '{a: [1, "x", null], b: {c: true}}'
    assert formats.compact(b"xyz") == "3 bytes"
    assert len(formats.compact("x" * 100_000)) <= formats.ROW_LIMIT + 1


def test_a_value_that_contains_itself_is_written_to_a_bounded_depth() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert "…" in formats.compact(endless)


def test_a_huge_value_costs_little() -> None:
    assert len(formats.compact([["x"] * 100_000] * 100_000, 60)) <= 61


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", [""]),
        ("short", ["short"]),
        ("8,936 characters in 207 ms", ["8,936", "characters in 207 ms"]),
        ("one two three four", ["one two", "three four"]),
        ("abcdefghijklmnopqrstuvwxyz0123456789", ["abcdefghij", "klmnopqrstuvwxyz0123", "456789"]),
        ("a bcdefghijklmnopqrst", ["a bcdefghi", "jklmnopqrst"]),
        ("請求書請求書請求書", ["請求書請求", "書請求書"]),
    ],
)
def test_a_long_line_is_broken_between_words_where_it_can_be(text: str, pieces: list[str]) -> None:
    assert formats.wrapped(text, 10, 20) == pieces


def test_instants_of_the_audit_say_day_and_minute_in_twelve_cells() -> None:
    moment = Moment(NOW)
    cases = (
        (timedelta(minutes=3), "02:44:13"),
        (timedelta(hours=5, minutes=10), "13 Mar 21:37"),
        (timedelta(days=100), "4 Dec 2025"),
    )
    for ago, said in cases:
        assert moment.dated(NOW - ago) == said
        assert len(said) <= 12
    assert replace(moment, mode=TimeMode.RELATIVE).dated(NOW - timedelta(hours=5)) == "5h ago"


def test_ids_are_cut_to_their_beginnings_and_nothing_else_is() -> None:
    plain, dashed = "77fbeff2ddb6b678abfada6401234567", "77fbeff2-ddb6-b678-abfa-da6401234567"
    assert brief(f"requeue {plain} {dashed} --set a={plain}0") == f"requeue 77fbeff2 77fbeff2 --set a={plain}0"
    assert brief("discard job-1 cron:tasks.x") == "discard job-1 cron:tasks.x"
