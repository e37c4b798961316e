"""What is written of a job: Huey's message, and beside it what Huey has no place for.

A message of a call that says nothing more of its retries is Huey's own, byte for byte as before.
"""

from datetime import datetime
from typing import Any

from huey.registry import Message, Registry
from huey.utils import normalize_expire_time

PER_CALL: tuple[str, ...] = ("retry_jitter", "retry_max_delay")
"""Settings of a task that a call may have of its own (see retry.py)."""


class CallMessage(Message):  # type: ignore[misc]  # huey has no types
    """A message with settings of its own; those that it does not have are None."""

    retry_jitter: Any = None
    retry_max_delay: Any = None

    @classmethod
    def of(cls, message: Any, settings: dict[str, Any]) -> "CallMessage":
        """The message, with these settings."""
        made = cls(*message)
        made.__dict__.update(settings)
        return made


def once_more(message: Any, job_id: str, kwargs: dict[str, object], utc: bool) -> Any:
    """The message of a new job with other arguments: with the settings of the call, but for an instant by which it had
    to run, and without what hung on its end."""
    expires = None if isinstance(message.expires, datetime) else message.expires
    fresh = message._replace(
        **{"id": job_id, "eta": None, "args": (), "kwargs": kwargs, "expires": expires},
        expires_resolved=normalize_expire_time(expires, utc) if expires else None,
        **dict.fromkeys(("on_complete", "on_error", "chord_config")),
    )
    return CallMessage.of(fresh, dict(vars(message))) if isinstance(message, CallMessage) else fresh


class CallRegistry(Registry):  # type: ignore[misc]  # huey has no types
    """Huey's registry, which carries the settings of a call from the task to its message and back."""

    def create_message(self, task: Any) -> Any:
        message = super().create_message(task)
        settings = {name: vars(task)[name] for name in PER_CALL if name in vars(task)}
        return CallMessage.of(message, settings) if settings else message

    def create_task(self, message: Any) -> Any:
        task = super().create_task(message)
        if isinstance(message, CallMessage):
            vars(task).update(vars(message))
        return task
