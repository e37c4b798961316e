"""What is published of a task's signature."""

import enum
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import pytest

from tasks.engine import registry
from tests.tasks.engine.conftest import Shop


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Odd(enum.Enum):
    ONE = (1, 2)


def kinds(shop: Shop, function: Any) -> dict[str, tuple[str, str | None]]:
    task = shop.huey.task()(function)
    found = registry.describe("t", task.task_class, function)
    return {parameter.name: (parameter.kind, parameter.default) for parameter in found.parameters}


def test_types_are_published_as_they_are_written(shop: Shop) -> None:
    def work(a: int, b: str | None, c: list[str], d: Literal["x", 2], e: "date | None") -> None:
        return None

    def bare(h):  # type: ignore[no-untyped-def]  # a parameter without a type
        return h

    found = {name: kind for name, (kind, _) in kinds(shop, work).items()}
    assert found["a"] == "int"
    assert found["b"] == "str | None"
    assert found["c"] == "list[str]"
    assert found["d"] == "Literal['x', 2]"
    assert found["e"] == "date | None"
    assert kinds(shop, bare) == {"h": ("", None)}


def test_types_that_the_codec_knows_keep_their_names(shop: Shop) -> None:
    def work(a: datetime, b: timedelta, c: Decimal, d: UUID, e: Sequence[date]) -> None:
        return None

    found = [kind for kind, _ in kinds(shop, work).values()]
    assert found[:4] == ["datetime", "timedelta", "Decimal", "UUID"]
    assert found[4].endswith("Sequence[datetime.date]")


def test_an_enum_is_published_as_the_values_that_may_be_passed(shop: Shop) -> None:
    def work(a: Colour, b: Level | None = None, c: Colour = Colour.BLUE, d: Odd = Odd.ONE) -> None:
        return None

    found = kinds(shop, work)
    assert found["a"] == ("Literal['red', 'blue']", None)
    assert found["b"] == ("Literal[1, 2] | None", "None")
    assert found["c"] == ("Literal['red', 'blue']", "'blue'")
    assert found["d"][0] == "Odd"


@pytest.mark.parametrize("annotation", ["NoSuchName | None", "1/0", "(("])
def test_an_annotation_that_can_not_be_resolved_stays_text(shop: Shop, annotation: str) -> None:
    def work(a: int) -> None:
        return None

    work.__annotations__["a"] = annotation
    assert kinds(shop, work) == {"a": (annotation, None)}
