"""What consumers publish of their tasks: a console that never imports them can show, explain and trigger them."""

import inspect
import types
import typing
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec
from huey.api import PeriodicTask

from storage.broker.broker import Broker
from storage.broker.records import Parameter, TaskInfo
from tasks.engine import retry


def describe(name: str, task_class: Any, function: Callable[..., Any] | None, *, utc: bool = True) -> TaskInfo:
    """A task as operators see it, from its class and its function's signature. ``utc`` is as its Huey is set."""
    schedule = getattr(task_class, "schedule", None)
    return TaskInfo(
        name=name,
        queue=getattr(task_class, "queue", "default"),
        doc=inspect.cleandoc(task_class.__doc__ or ""),
        parameters=_parameters(function, bool(getattr(task_class, "context", False))) if function else (),
        retries=int(task_class.default_retries or 0),
        retry_delay_s=float(task_class.default_retry_delay or 0),
        schedule=getattr(schedule, "expression", ""),
        timezone=getattr(schedule, "timezone", ""),
        periodic=issubclass(task_class, PeriodicTask),
        missed=getattr(schedule, "missed", ""),
        priority=float(task_class.default_priority or 0),
        retry_backoff=float(task_class.default_retry_backoff or 0),
        timeout_s=float(task_class.default_timeout or 0),
        expires_s=_expires_s(task_class.default_expires),
        utc=utc,
    )


def publish(broker: Broker, tasks: list[TaskInfo]) -> None:
    """Store what this process knows; tasks of other consumers stay."""
    if tasks:
        broker.call("hset", broker.keys.tasks, mapping={task.name: msgspec.json.encode(task) for task in tasks})
        broker.add_queues(sorted({task.queue for task in tasks}))


def _expires_s(expires: Any) -> float:
    """Huey takes seconds, a timedelta, or an instant, which is none of a task's own."""
    return 0.0 if isinstance(expires, datetime) else retry.seconds(expires)


def _parameters(function: Callable[..., Any], context: bool) -> tuple[Parameter, ...]:
    found, hints = [], _hints(function)
    for parameter in inspect.signature(function).parameters.values():
        if context and parameter.name == "task":
            continue  # Huey hands the task itself to this one
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        default = None if parameter.default is parameter.empty else repr(_plain(parameter.default))
        found.append(Parameter(parameter.name, _kind(hints.get(parameter.name, parameter.annotation)), default))
    return tuple(found)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The types of a function's parameters; none when a name in them can not be resolved: then they stay text."""
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception:  # noqa: BLE001 - an annotation is any expression, and may fail in any way
        return {}


def _kind(annotation: object) -> str:
    if annotation is inspect.Parameter.empty:
        return ""
    if isinstance(annotation, str):
        return annotation
    if annotation is type(None):
        return "None"
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        return _members(annotation) if issubclass(annotation, Enum) else annotation.__name__
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return " | ".join(_kind(one) for one in typing.get_args(annotation))
    return str(annotation).replace("typing.", "")


def _members(enum: type[Enum]) -> str:
    """An Enum as the values that may be passed for it: a job's arguments are plain values."""
    values = [member.value for member in enum]
    plain = values and all(isinstance(value, str | int | bool) for value in values)
    return f"Literal[{', '.join(map(repr, values))}]" if plain else enum.__name__


def _plain(default: object) -> object:
    return default.value if isinstance(default, Enum) else default
