"""Payloads and results of jobs as they may be shown: without secrets, and still typed JSON of ours."""

from collections.abc import Callable, Sequence
from typing import Any

from huey.registry import Message
from huey.utils import ChordConfig, Error
from msgspec import Struct

from storage.errors import DecodeError, EncodeError
from storage.redaction import Redactor
from tasks.engine.codec import decode, encode
from tasks.engine.messages import CallMessage

ParametersOf = Callable[[str], Sequence[str]]
_FOLLOWING = ("on_complete", "on_error", "chord_config")


def masked(data: bytes, task: str, redactor: Redactor, parameters_of: ParametersOf) -> bytes:
    """Arguments or a result as they may be shown. What can not be read is masked as the text it is.

    ``parameters_of`` answers the names of a task's parameters: they tell which positional arguments are secret.
    """
    try:
        value = decode(data)
        shown = _Masking(redactor, parameters_of).value(value, task)
        return data if shown == value else encode(shown)
    except (DecodeError, EncodeError):
        text = data.decode("utf-8", "surrogateescape")
        return redactor.redact_text(text).encode("utf-8", "surrogateescape")


class _Masking(Struct, frozen=True):
    redactor: Redactor
    parameters_of: ParametersOf

    def value(self, value: Any, task: str) -> object:
        if isinstance(value, Message):
            args, kwargs = self.redactor.redact_call(value.args or (), value.kwargs or {}, self.parameters_of(task))
            following = {name: self._following(getattr(value, name)) for name in _FOLLOWING}
            shown = value._replace(args=args, kwargs=kwargs, **following)
            return CallMessage.of(shown, dict(vars(value))) if isinstance(value, CallMessage) else shown
        if isinstance(value, Error):
            return Error(self.redactor.redact_value(value.metadata))
        return self.redactor.redact_value(value)

    def _following(self, message: Any) -> Any:
        """A job that is launched when this one ends, in its payload; a chord has one too."""
        if isinstance(message, ChordConfig):
            return message._replace(callback=self._following(message.callback))
        if isinstance(message, Message):
            return self.value(message, message.name)
        return [self._following(one) for one in message] if isinstance(message, list) else message
