"""Forms made from published signatures."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from console.gateway.signatures import UNSET, FieldError, field_of, value_of
from storage.broker.records import Parameter


@pytest.mark.parametrize(
    ("kind", "field", "optional", "shape"),
    [
        ("str", "text", False, ""),
        ("int", "integer", False, ""),
        ("float", "number", False, ""),
        ("bool", "flag", False, ""),
        ("int | None", "integer", True, ""),
        ("None | str", "text", True, ""),
        ("Optional[float]", "number", True, ""),
        ("typing.Optional[bool]", "flag", True, ""),
        ("Union[int, None]", "integer", True, ""),
        ("int | str", "any", False, ""),
        ("list[str]", "json", False, "list"),
        ("List", "json", False, "list"),
        ("dict[str, int] | None", "json", True, "dict"),
        ("Mapping[str, object]", "json", False, "dict"),
        ("Annotated[int, 'positive']", "integer", False, ""),
        ("'int'", "integer", False, ""),
        ("Literal['a', 'b']", "choice", False, ""),
        ("Literal['a', 1, None]", "choice", True, ""),
        ("Literal['a'] | None", "choice", True, ""),
        ("", "any", False, ""),
        ("UUID", "uuid", False, ""),
        ("uuid.UUID | None", "uuid", True, ""),
        ("date", "date", False, ""),
        ("datetime.datetime", "instant", False, ""),
        ("timedelta", "duration", False, ""),
        ("Decimal", "decimal", False, ""),
        ("Colour", "any", False, ""),
        ("Literal[f()]", "any", False, ""),
        ("((((", "any", False, ""),
        ("[" * 5_000, "any", False, ""),
    ],
)
def test_a_kind_is_read_and_never_run(kind: str, field: str, optional: bool, shape: str) -> None:
    view = field_of(Parameter("x", kind, None))
    assert (view.kind, view.optional, view.shape) == (field, optional, shape)


def test_literal_choices_keep_their_types() -> None:
    view = field_of(Parameter("x", "Literal['pdf', 2, None]", "'pdf'"))
    assert [value for value, _ in view.choices] == ["pdf", 2]


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [
        ("str", " keeps blanks ", " keeps blanks "),
        ("str", '""', ""),
        ("int", " 42 ", 42),
        ("int", "-7", -7),
        ("float", "2.5", 2.5),
        ("int | None", "None", None),
        ("date", "2026-03-14", date(2026, 3, 14)),
        ("datetime", "2026-03-14T02:47Z", datetime(2026, 3, 14, 2, 47, tzinfo=UTC)),
        ("datetime", "2026-03-14 03:47+01:00", datetime(2026, 3, 14, 2, 47, tzinfo=UTC)),
        ("timedelta", "90s", timedelta(seconds=90)),
        ("timedelta", "-1h 30M", -timedelta(hours=1, minutes=30)),
        ("timedelta", "250ms", timedelta(milliseconds=250)),
        ("Decimal", "19.90", Decimal("19.90")),
        ("UUID", "3f2a9c1e5b7d4c2a9e8f1a2b3c4d5e6f", UUID("3f2a9c1e-5b7d-4c2a-9e8f-1a2b3c4d5e6f")),
        ("int | None", "", None),
        ("list[int]", "[1, 2]", [1, 2]),
        ("dict", '{"a": null}', {"a": None}),
        ("", "42", 42),
        ("", "word", "word"),
        ("int | str", '"42"', "42"),
    ],
)
def test_what_is_typed_becomes_the_argument(kind: str, typed: str, value: object) -> None:
    assert value_of(field_of(Parameter("x", kind, None)), typed) == value


@pytest.mark.parametrize(
    ("kind", "typed", "says"),
    [
        ("str", "", "needs a value"),
        ("int", "", "needs a value"),
        ("int", "4.5", "whole number"),
        ("int", "x", "whole number"),
        ("float", "x", "a number"),
        ("float", "nan", "finite"),
        ("list[int]", "{}", "JSON list"),
        ("dict", "[]", "JSON object"),
        ("dict", "{", "not JSON"),
        ("list", "[" * 100_000, "not JSON"),
        ("dict", '{"a": 1,\n"b" 2}', "line 2, column 5"),
        ("date", "14.3.2026", "a date, as 2026-03-14"),
        ("datetime", "2026-03-14T02:47", "with its zone"),
        ("datetime", "soon", "an instant"),
        ("timedelta", "90", "a length of time"),
        ("timedelta", "5 parsecs", "a length of time"),
        ("timedelta", "9" * 20 + "d", "below a million years"),
        ("Decimal", "1,5", "decimal number"),
        ("Decimal", "NaN", "finite"),
        ("UUID", "3f2a", "a UUID"),
    ],
)
def test_what_does_not_fit_is_an_error_that_says_what_is_expected(kind: str, typed: str, says: str) -> None:
    with pytest.raises(FieldError, match=says):
        value_of(field_of(Parameter("x", kind, None)), typed)


def test_an_empty_field_with_a_default_is_not_sent() -> None:
    assert value_of(field_of(Parameter("x", "int", "3")), "") is UNSET
