"""When a job is the same as another: the key of a unique one.

    @huey.task(unique=True)                                   # the same arguments
    @huey.task(unique="invoice of {customer}")                # one argument decides
    @huey.task(unique=lambda customer, **_: customer.lower(), unique_for=3600, on_conflict="reject")

At most one live job has a key. It is free again when that job ends, however it does, or with ``unique_for`` when so
many seconds have passed since it was taken. ``on_conflict`` says what becomes of a second one: ``keep`` the first and
answer its handle, ``replace`` the first while it waits, or ``reject`` with AlreadyThere.
"""

import hashlib
import inspect
from collections.abc import Callable
from typing import Any, cast, get_args

from huey.exceptions import ConfigurationError

from storage.broker.records import Conflict
from tasks.engine.codec import encode

Unique = bool | str | Callable[..., str]


def check(settings: dict[str, Any]) -> None:
    """Refuse a task's settings that can not be meant. Raises ConfigurationError."""
    unique, policy = settings.get("unique"), settings.get("on_conflict", "keep")
    if unique is not None and not isinstance(unique, bool | str) and not callable(unique):
        raise ConfigurationError(f"unique={unique!r}: use True, a text as '{{customer}}', or a function of them")
    if policy not in get_args(Conflict):
        raise ConfigurationError(f"on_conflict={policy!r}: use one of {', '.join(get_args(Conflict))}")
    if float(settings.get("unique_for") or 0) < 0:
        raise ConfigurationError(f"unique_for={settings['unique_for']!r}: use a number of seconds above 0")


def key_of(name: str, task: Any) -> str:
    """The unique key of a job of the task ``name``, or "" when it has none.

    Raises:
        ConfigurationError: the task's rule does not fit these arguments.
    """
    rule: Unique | None = getattr(task, "unique", None)
    if not rule:
        return ""
    args, kwargs = task.data
    try:
        if rule is True:
            return f"{name}:{hashlib.sha256(encode([list(args), kwargs])).hexdigest()[:32]}"
        if isinstance(rule, str):
            bound = inspect.signature(task.function).bind(*args, **kwargs)
            bound.apply_defaults()
            return f"{name}:{rule.format(**bound.arguments)}"
        return f"{name}:{rule(*args, **kwargs)}"
    except (TypeError, KeyError, IndexError, AttributeError) as error:
        raise ConfigurationError(f"the unique rule of {name} does not fit its arguments: {error}") from error


def policy_of(task: Any) -> Conflict:
    """What becomes of a second job with the same key."""
    return cast(Conflict, getattr(task, "on_conflict", "keep"))
