"""Forms made from published signatures."""

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
        ("UUID", "any", False, ""),
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
    ],
)
def test_what_does_not_fit_is_an_error_that_says_what_is_expected(kind: str, typed: str, says: str) -> None:
    with pytest.raises(FieldError, match=says):
        value_of(field_of(Parameter("x", kind, None)), typed)


def test_an_empty_field_with_a_default_is_not_sent() -> None:
    assert value_of(field_of(Parameter("x", "int", "3")), "") is UNSET
