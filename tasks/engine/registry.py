"""What consumers publish of their tasks: a console that never imports them can show, explain and trigger them."""

import inspect
import typing
from collections.abc import Callable
from typing import Any

import msgspec
from huey.api import PeriodicTask

from storage.broker.broker import Broker
from storage.broker.records import Parameter, TaskInfo


def describe(name: str, task_class: Any, function: Callable[..., Any] | None) -> TaskInfo:
    """A task as operators see it, from its class and its function's signature."""
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
    )


def publish(broker: Broker, tasks: list[TaskInfo]) -> None:
    """Store what this process knows; tasks of other consumers stay."""
    if tasks:
        broker.call("hset", broker.keys.tasks, mapping={task.name: msgspec.json.encode(task) for task in tasks})
        broker.add_queues(sorted({task.queue for task in tasks}))


def _parameters(function: Callable[..., Any], context: bool) -> tuple[Parameter, ...]:
    found = []
    for parameter in inspect.signature(function).parameters.values():
        if context and parameter.name == "task":
            continue  # Huey hands the task itself to this one
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        default = None if parameter.default is parameter.empty else repr(parameter.default)
        found.append(Parameter(parameter.name, _kind(parameter.annotation), default))
    return tuple(found)


def _kind(annotation: object) -> str:
    if annotation is inspect.Parameter.empty:
        return ""
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        return annotation.__name__
    return str(annotation).replace("typing.", "")
