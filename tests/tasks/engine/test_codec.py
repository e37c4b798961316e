"""Typed JSON: what goes in comes out, what can not go in is named, and no bytes can surprise a reader."""

import contextlib
import datetime as dt
import enum
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from huey.registry import Message
from huey.utils import SKIPPED, Error
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import DecodeError, EncodeError
from tasks.engine import codec
from tasks.engine.arguments import MAX_BYTES, decode_call
from tasks.engine.codec import RemoteError, decode, decode_value, encode

ZONES = st.none() | st.integers(-1439, 1439).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
HASHABLE = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(["~int", "~", "~dict", "a", ""])
    | st.binary()
    | st.datetimes(timezones=ZONES).map(lambda instant: instant.replace(fold=0))
    | st.dates()
    | st.times(timezones=ZONES).map(lambda time: time.replace(fold=0))
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.uuids()
)
VALUES = st.recursive(
    HASHABLE,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.sets(HASHABLE, max_size=4)
        | st.frozensets(HASHABLE, max_size=4)
        | st.dictionaries(HASHABLE, inner, max_size=4)
        | st.dictionaries(st.text() | st.just("~int"), inner, max_size=4)
    ),
    max_leaves=12,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
        | st.builds(lambda tag, content: {tag: content}, st.sampled_from(sorted(codec._READERS)), inner)
        | st.dictionaries(st.sampled_from(Message._fields), inner, max_size=4).map(lambda fields: {"~job": fields})
    ),
    max_leaves=10,
)


def shape(value: object) -> object:
    """A value with its types, so that 1, 1.0 and True differ, and so do a list and a tuple."""
    if isinstance(value, list | tuple):
        return (type(value), [shape(item) for item in value])
    if isinstance(value, set | frozenset):
        return (type(value), {repr(shape(item)) for item in value})
    if isinstance(value, dict):
        return (dict, [(shape(key), shape(item)) for key, item in value.items()])
    if isinstance(value, float):
        return (float, math.copysign(1, value), value)
    if isinstance(value, Decimal):
        return (Decimal, str(value))
    return (type(value), value)


@settings(max_examples=80)
@given(VALUES)
def test_every_supported_value_comes_back_with_its_types(value: object) -> None:
    assert shape(decode(encode(value))) == shape(value)


def test_numbers_that_json_does_not_have_come_back() -> None:
    back = decode(encode([math.inf, -math.inf, math.nan, 2**53, -(2**53) - 1, 10**30, -0.0, Decimal("NaN")]))
    assert back[:2] == [math.inf, -math.inf]
    assert math.isnan(back[2])
    assert back[3:6] == [2**53, -(2**53) - 1, 10**30]
    assert math.copysign(1, back[6]) == -1
    assert back[7].is_nan()


@settings(max_examples=30)
@given(st.lists(VALUES, max_size=3), st.dictionaries(st.text(), VALUES, max_size=3), st.text(max_size=5))
def test_a_jobs_message_comes_back_with_its_arguments(args: list[Any], kwargs: dict[str, Any], name: str) -> None:
    callback = Message(id="2", name="after", args=tuple(args), kwargs=kwargs)
    message = Message(
        id="1",
        name=name,
        eta=dt.datetime(2026, 1, 2, 3, 4, 5, 678000, dt.UTC),
        retries=3,
        retry_delay=1.5,
        args=tuple(args),
        kwargs=kwargs,
        on_complete=callback,
        expires=dt.timedelta(minutes=5),
        chord_config=("chord", 2, 0, callback),
    )
    back = decode(encode(message))
    assert isinstance(back, Message)
    for field in ("id", "name", "eta", "retries", "retry_delay", "expires", "timeout"):
        assert getattr(back, field) == getattr(message, field)
    assert shape(back.args) == shape(tuple(args))
    assert shape(back.kwargs) == shape(kwargs)
    assert shape(back.on_complete.args) == shape(tuple(args))
    assert shape(back.chord_config[3].kwargs) == shape(kwargs)
    shown_args, shown_kwargs = decode_call(encode(message))
    assert (shape(shown_args), shape(shown_kwargs)) == (shape(tuple(args)), shape(kwargs))


class Colour(enum.Enum):
    RED = 1


class Point(NamedTuple):
    x: int


@dataclass
class Order:
    id: int


@pytest.mark.parametrize(
    ("value", "path", "remedy"),
    [
        (Message(id="1", name="shop.send", args=(1, object())), "argument 2 of shop.send is an object", "pass an id"),
        (
            Message(id="1", name="shop.send", kwargs={"to": [1, {"a": Order(1)}]}),
            "argument 'to' of shop.send[1]['a']",
            "asdict",
        ),
        (Message(id="1", name="shop.send", kwargs={"colour": Colour.RED}), "argument 'colour' of shop.send", ".value"),
        (
            Message(id="1", name="a", on_complete=Message(id="2", name="b", args=(Point(1),))),
            "argument 1 of b is a Point",
            "list",
        ),
        ({"a": ({1, 2}, [object()])}, "value['a'][1][0] is an object", "pass an id"),
        ({(1, object()): 1}, "value key[1] is an object", "pass an id"),
        ([1, "\ud800"], "value[1] is not Unicode text", "decode the bytes"),
        ({"\ud800": 1}, "value key is not Unicode text", "decode the bytes"),
        (Message(id="1", name="t", kwargs={"name": "a\udcff"}), "argument 'name' of t is not Unicode text", "decode"),
        ([10**5000], "value[0] has too many digits", "digits"),
    ],
)
def test_a_value_without_a_json_form_is_named_by_its_path(value: object, path: str, remedy: str) -> None:
    with pytest.raises(EncodeError) as raised:
        encode(value)
    assert str(raised.value).startswith(path)
    assert remedy in str(raised.value)


def test_a_value_that_contains_itself_is_refused_with_the_remedy() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(EncodeError, match="contains itself, or is nested too deeply: pass ids"):
        encode(loop)


@pytest.mark.parametrize(
    ("opening", "closing"),
    [(b"[", b"]"), (b'{"a":', b"}"), (b'{"~tuple":[', b"]}"), (b'{"~job":{"args":[', b"]}}"), (b'{"~error":', b"}")],
)
def test_bytes_that_are_nested_too_deeply_are_refused(opening: bytes, closing: bytes) -> None:
    for data in (opening * 50_000, opening * 5_000 + b"1" + closing * 5_000):
        with pytest.raises(DecodeError):
            decode(data)


def test_size_is_capped_both_ways() -> None:
    with pytest.raises(EncodeError, match=r"takes \d+ bytes, more than \d+: store it and pass its id"):
        encode("x" * MAX_BYTES)
    with pytest.raises(DecodeError, match="bytes are more than"):
        decode(b'"' + b"x" * MAX_BYTES + b'"')
    assert len(decode(encode("x" * (MAX_BYTES - 2)))) == MAX_BYTES - 2


def read_every_way(data: bytes) -> None:
    for read in (decode, decode_call, decode_value):
        with contextlib.suppress(DecodeError):
            repr(read(data))


@given(st.binary(max_size=200))
def test_garbage_bytes_raise_nothing_but_decode_error(data: bytes) -> None:
    read_every_way(data)


@given(JSON)
def test_json_that_no_writer_wrote_raises_nothing_but_decode_error(document: object) -> None:
    read_every_way(msgspec.json.encode(document))


@pytest.mark.parametrize(
    "data",
    [
        b'{"~timedelta":[1]}',
        b'{"~uuid":5}',
        b'{"~job":[1]}',
        b'{"~job":{"kwargs":[1]}}',
        b'{"~job":{"args":5}}',
        b'{"~job":{"unknown":5}}',
        b'{"~exception":["a\\u0000b",[],"",""]}',
        b'{"~dict":[[[1],2]]}',
        b'{"~decimal":"one"}',
        b'{"~bytes":"%"}',
        b'{"~int":"' + b"1" * 5000 + b'"}',
        b"\xff",
        b"",
        b"1 2",
    ],
)
def test_a_tag_with_the_wrong_content_is_a_decode_error(data: bytes) -> None:
    with pytest.raises(DecodeError):
        decode(data)


def test_an_unknown_tag_is_said_to_be_of_a_newer_version() -> None:
    with pytest.raises(DecodeError, match="unknown type '~complex': it was written by a newer version"):
        decode(b'[{"~complex":[1,2]}]')


def test_what_is_not_a_jobs_message_is_not_shown_as_one() -> None:
    with pytest.raises(DecodeError, match="the payload is a list"):
        decode_call(b"[1]")


@pytest.mark.parametrize(
    "error",
    [ValueError("no", 3), KeyError("k"), FileNotFoundError(2, "No such file"), RuntimeError(), ZeroDivisionError("x")],
)
def test_a_builtin_exception_comes_back_as_itself(error: Exception) -> None:
    back = decode(encode(error))
    assert type(back) is type(error)
    assert back.args == error.args


class OutOfStock(Exception):
    def __init__(self, item: int, left: int) -> None:
        super().__init__(f"item {item}: {left} left")


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_any_other_exception_comes_back_as_its_text_under_its_name() -> None:
    back = decode(encode(OutOfStock(4, 0)))
    assert isinstance(back, RemoteError)
    assert (type(back).__name__, str(back), repr(back)) == (
        "OutOfStock",
        "item 4: 0 left",
        "OutOfStock('item 4: 0 left')",
    )


def test_an_exception_that_can_not_speak_is_still_written() -> None:
    assert "its text can not be read: RuntimeError" in str(decode(encode(Mute())))
    assert str(decode(encode(ValueError("bad \udcff name")))) == "bad \\udcff name"
    assert str(decode(encode(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad")))).endswith("bad")
    group = ExceptionGroup("two", [ValueError("a"), TypeError("b")])
    assert str(decode(encode(group))) == "two (2 sub-exceptions)"


def test_hueys_own_markers_come_back() -> None:
    assert decode(encode(SKIPPED)) is SKIPPED
    assert decode(encode(Error({"error": "no", "retries": 0}))) == Error({"error": "no", "retries": 0})
    assert decode_value(encode(Error({"error": "no"}))) == {"error": "no"}
    assert decode_value(encode((1, 2))) == (1, 2)


def test_a_type_that_only_looks_like_a_known_one_is_refused() -> None:
    class Id(int):
        pass

    for value in (Id(3), type("Name", (str,), {})("x"), Point(1)):
        with pytest.raises(EncodeError, match="has no JSON form"):
            encode(value)


def test_a_payload_can_be_read_by_a_person() -> None:
    message = Message(id="1", name="shop.send", args=(1, "a"), kwargs={"due": dt.date(2026, 1, 2)})
    assert (
        encode(message)
        == b'{"~job":{"id":"1","name":"shop.send","args":[1,"a"],"kwargs":{"due":{"~date":"2026-01-02"}}}}'
    )


def test_the_identity_of_a_key_survives() -> None:
    value = {1: "int", "1": "str", UUID(int=1): "uuid", b"1": "bytes", (1,): "tuple"}
    assert decode(encode(value)) == value


@pytest.mark.parametrize("fold", [0, 1])
def test_an_instant_in_a_named_zone_comes_back_as_the_same_instant_with_its_offset(fold: int) -> None:
    twice = dt.datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Paris"), fold=fold)
    read = decode_value(encode(twice))
    assert isinstance(read, dt.datetime)
    assert read.timestamp() == twice.timestamp()
    assert read.utcoffset() == twice.utcoffset() == dt.timedelta(hours=2 - fold)
