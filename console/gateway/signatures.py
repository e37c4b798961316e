"""Published signatures read into fields of a form, and what was typed read into arguments.

A signature arrives as text (``int | None``, ``Literal['a', 'b']``) and is parsed, never evaluated.
"""

import ast
import json
import math
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct

from console.formats import safe_text
from console.gateway.views import FieldKind, FieldView
from storage.broker.records import Parameter

_KINDS: Final[dict[str, FieldKind]] = {
    "str": "text",
    "int": "integer",
    "float": "number",
    "bool": "flag",
    "date": "date",
    "datetime": "instant",
    "timedelta": "duration",
    "Decimal": "decimal",
    "UUID": "uuid",
}
_LISTS: Final = frozenset({"list", "List", "Sequence", "Iterable", "Collection", "tuple", "Tuple", "set", "Set"})
_DICTS: Final = frozenset({"dict", "Dict", "Mapping", "MutableMapping"})


class FieldError(ValueError):
    """What was typed is not a value for the field; the message says what is expected."""


class _Shape(Struct, frozen=True):
    kind: FieldKind = "any"
    optional: bool = False
    choices: tuple[object, ...] = ()
    shape: Literal["", "list", "dict"] = ""


UNSET: Final = object()
"""Stands for "not sent": the task's own default applies."""


def field_of(parameter: Parameter) -> FieldView:
    """Return the field for one parameter of a task."""
    shape = _shape(parameter.kind)
    return FieldView(
        key=parameter.name,
        name=safe_text(parameter.name, limit=80),
        kind=shape.kind,
        kind_text=safe_text(parameter.kind or "any value", limit=120),
        default_text=safe_text(parameter.default if parameter.default is not None else "", limit=120),
        required=parameter.default is None,
        optional=shape.optional,
        choices=tuple((choice, safe_text(choice, limit=120)) for choice in shape.choices),
        shape=shape.shape,
    )


def _shape(kind: str) -> _Shape:
    if len(kind) > 2_000:
        return _Shape()
    try:
        return _shape_of(ast.parse(kind.strip().strip("'\""), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _Shape()


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _shape_of(node: ast.expr) -> _Shape:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union(_alternatives(node))
    if isinstance(node, ast.Subscript):
        return _subscripted(_name(node.value), node.slice)
    name = _name(node)
    if name in _LISTS:
        return _Shape("json", shape="list")
    if name in _DICTS:
        return _Shape("json", shape="dict")
    return _Shape(_KINDS.get(name, "any"))


def _alternatives(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*_alternatives(node.left), *_alternatives(node.right)]
    return [node]


def _subscripted(name: str, inside: ast.expr) -> _Shape:
    items = list(inside.elts) if isinstance(inside, ast.Tuple) else [inside]
    if name == "Literal":
        return _literal(items)
    if name == "Optional":
        return _union([*items, ast.Constant(None)])
    if name == "Union":
        return _union(items)
    if name in ("Annotated", "Final"):
        return _shape_of(items[0])
    if name in _LISTS:
        return _Shape("json", shape="list")
    return _Shape("json", shape="dict") if name in _DICTS else _Shape()


def _literal(items: list[ast.expr]) -> _Shape:
    values = [ast.literal_eval(item) for item in items]
    choices = tuple(value for value in values if value is not None)
    return _Shape("choice", optional=None in values, choices=choices)


def _union(options: list[ast.expr]) -> _Shape:
    some = [option for option in options if not (isinstance(option, ast.Constant) and option.value is None)]
    optional = len(some) < len(options)
    if len(some) != 1:
        return _Shape("any", optional=optional)
    inner = _shape_of(some[0])
    return _Shape(inner.kind, inner.optional or optional, inner.choices, inner.shape)


def value_of(field: FieldView, typed: str) -> object:
    """Read what was typed into a field; empty is the default, `UNSET`.

    Raises:
        FieldError: it is not a value for this field.
    """
    text = typed if field.kind == "text" else typed.strip()
    if text == "":
        return _value_of_nothing(field)
    if field.optional and text in ("None", "null"):
        return None
    if field.kind == "json":
        return _json(text, field.shape)
    return _READERS.get(field.kind, _any)(text)


def typed_of(field: FieldView, value: object) -> str:
    """Write a value as it would be typed, so that `value_of` reads it again."""
    if value is None:
        return "None" if field.optional else ""
    if field.kind == "json" or (field.kind == "any" and not isinstance(value, str)):
        return json.dumps(value, ensure_ascii=False, default=str, indent=2 if field.kind == "json" else None)
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}s"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _value_of_nothing(field: FieldView) -> object:
    if not field.required:
        return UNSET
    if field.optional:
        return None
    hint = ' (""  for an empty text)' if field.kind == "text" else ""
    raise FieldError(f"needs a value{hint}")


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise FieldError("expected a whole number, as 42") from None


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise FieldError("expected a number, as 2.5") from None
    if not math.isfinite(number):
        raise FieldError("expected a finite number")
    return number


def _json(text: str, shape: str) -> object:
    example = '["a", "b"]' if shape == "list" else '{"a": 1}'
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        place = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise FieldError(f"not JSON{place}; as {example}") from None
    if shape and not isinstance(value, list if shape == "list" else dict):
        raise FieldError(f"expected a JSON {'list' if shape == 'list' else 'object'}, as {example}")
    return value


def _any(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _text(text: str) -> str:
    return "" if text == '""' else text


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise FieldError("expected a date, as 2026-03-14") from None


def _instant(text: str) -> datetime:
    example = "as 2026-03-14T02:47Z or 2026-03-14 03:47+01:00"
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise FieldError(f"expected an instant, {example}") from None
    if found.tzinfo is None:
        raise FieldError(f"expected an instant with its zone, {example}")
    return found


def _duration(text: str) -> timedelta:
    sign = -1 if text.startswith("-") else 1
    rest = text.removeprefix("-").lower().replace(" ", "")
    parts = _SPAN.findall(rest)
    if not parts or "".join(number + unit for number, unit in parts) != rest:
        raise FieldError("expected a length of time, as 90s, 1h30m or 2d")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    try:
        return sign * timedelta(seconds=seconds)
    except OverflowError:
        raise FieldError("expected a length of time below a million years") from None


def _decimal(text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise FieldError("expected a decimal number, as 19.90") from None
    if not found.is_finite():
        raise FieldError("expected a finite number")
    return found


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise FieldError("expected a UUID, as 3f2a9c1e-5b7d-4c2a-9e8f-1a2b3c4d5e6f") from None


_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_READERS: Final[dict[str, Callable[[str], object]]] = {
    "text": _text,
    "integer": _integer,
    "number": _number,
    "date": _date,
    "instant": _instant,
    "duration": _duration,
    "decimal": _decimal,
    "uuid": _uuid,
}
