"""Errors that differ only by ids are of one group, and others are not."""

import string
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.engine.fingerprint import SHAPE_CHARS, fingerprint, place_of, shape_of

WORDS = st.text(string.ascii_letters, min_size=1, max_size=12)
HEX = st.text("0123456789abcdef", min_size=8, max_size=64)
KINDS = {
    "id": st.one_of(st.integers(0, 10**18).map(str), st.uuids().map(str), HEX, HEX.map(lambda text: "0x" + text)),
    "number": st.one_of(
        st.integers(-(10**9), 10**9).map(str), st.decimals(-1000, 1000, places=3).map(str), st.floats(0, 1e9).map(str)
    ),
    "quoted": st.one_of(
        st.text(string.ascii_letters + string.digits + " /._-@", max_size=30).map(repr),
        WORDS.map('"{}"'.format),
        WORDS.map("`{}`".format),
    ),
    "path": st.lists(st.text(string.ascii_letters + string.digits + "._-", min_size=1), min_size=1, max_size=5).map(
        lambda parts: "/" + "/".join(parts)
    ),
    "address": st.one_of(
        st.ip_addresses(v=4).map(str),
        st.tuples(st.ip_addresses(v=4), st.integers(1, 65535)).map(lambda both: f"{both[0]}:{both[1]}"),
        st.tuples(WORDS, WORDS).map(lambda both: f"{both[0]}@{both[1]}.example"),
    ),
    "instant": st.datetimes().map(lambda at: at.replace(year=2026, microsecond=0).isoformat()),
    "suffix": st.integers(0, 10**9).map("job_{}".format),
}
KIND = st.sampled_from(sorted(KINDS))


@st.composite
def twins(draw: st.DrawFn) -> tuple[str, str]:
    """Two messages that differ only in values that differ from job to job."""
    first, second = [], []
    for kind in draw(st.lists(KIND, min_size=1, max_size=4)):
        word = draw(st.sampled_from(["no user", "could not read", "at", "wanted", "timed out after", "of"]))
        first += [word, draw(KINDS[kind])]
        second += [word, draw(KINDS[kind])]
    return " ".join(first), " ".join(second)


@given(twins())
def test_two_errors_that_differ_only_by_ids_have_one_fingerprint(both: tuple[str, str]) -> None:
    one, other = (fingerprint("t.work", "ValueError", text, "t:work") for text in both)
    assert one == other


@given(st.text(max_size=500))
def test_any_text_has_a_bounded_shape_that_is_its_own(text: str) -> None:
    shape = shape_of(text)
    assert len(shape) <= SHAPE_CHARS
    assert shape_of(text) == shape


@pytest.mark.parametrize("piece", ["a-", "1a", "'", "/", "a.", "0x", "::", "@", "a@", "http:/", "{", "1.", "\\"])
def test_no_message_takes_long(piece: str) -> None:
    for _ in range(50):
        shape_of(piece * 2_000)


@pytest.mark.parametrize(
    ("message", "shape"),
    [
        ("no user 42", "no user #"),
        ("no user with id '42' in \"people\"", "no user with id <text> in <text>"),
        ("can't open /var/lib/dewey/a b", "can't open <path> b"),
        ("10.0.0.7:5432 refused: code -7, 1.5e3 s", "<address> refused: code #, # s"),
        (f"job {UUID(int=7)} of job_17 at 0xdeadbeef", "job # of job_# at #"),
        ("mail to ada@example.org bounced at 2026-05-01T12:00:00Z", "mail to <address> bounced at #"),
        ("GET https://example.org/a?b=1 said 503", "GET <url> said #"),
        ("lost  [2001:db8::1]\n again", "lost [#] again"),
        ("decode with utf-8 failed", "decode with utf-# failed"),
        ("", ""),
    ],
)
def test_what_differs_is_taken_out_and_the_rest_stays(message: str, shape: str) -> None:
    assert shape_of(message) == shape


def test_type_words_place_and_task_make_groups() -> None:
    base = {"task": "t.work", "error_type": "ValueError", "message": "no user 1", "place": "t:work"}
    others = {"task": "t.play", "error_type": "KeyError", "message": "no file 1", "place": "t:play"}
    prints = {fingerprint(**base).id} | {fingerprint(**base | {name: others[name]}).id for name in base}
    assert len(prints) == 5
    assert all(len(one) == 16 for one in prints)


def test_the_place_is_the_innermost_frame_of_the_applications_own_code() -> None:
    def inner() -> None:
        UUID("not a uuid")

    try:
        inner()
    except ValueError as error:
        trace = error.__traceback__
    assert place_of(trace).endswith("test_the_place_is_the_innermost_frame_of_the_applications_own_code.<locals>.inner")
    assert place_of(trace).startswith("tests.tasks.engine.test_fingerprint:")
    assert place_of(None) == ""
