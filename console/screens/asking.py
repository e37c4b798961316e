"""How every screen asks: it asks the gateway in a thread, one question at a time, and is told the answer.

The life of a question: `ask` puts it in line (a newer question of the same name takes the older one's place); a
thread worker asks, unless the answer is at hand; the answer comes back as a message; its handler hands the value to the
screen, and the next question goes out. A backend that is away keeps the last data on the screen, dimmed, and is asked
again after a growing pause. An exception that is neither answer nor refusal is a bug: it is logged and shown, and the
screen lives on.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from msgspec import Struct
from textual.message import Message
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from console.formats import Moment
from console.gateway.errors import GatewayError, GatewayRefused

if TYPE_CHECKING:
    from console.app import DeweyApp

T = TypeVar("T")
POLL: Final = "poll"
QUIET: Final = (POLL, "canaries", "lateness", "measures", "failures", "states", "count", "foresee", "words")
"""Questions that come back by themselves, or that nobody waits for: that they were not answered, the frame says."""


class _Question(Struct, frozen=True):
    """Something to ask, and who wants to know. ``refused`` None shows a refusal as a notification."""

    name: str
    ask: Callable[[], Any]
    then: Callable[[Any], None]
    refused: Callable[[GatewayRefused], None] | None


class Answer(Message, bubble=False):
    """The gateway answered."""

    def __init__(self, question: _Question, value: object, took_s: float) -> None:
        super().__init__()
        self.question = question
        self.value = value
        self.took_s = took_s


class NoAnswer(Message, bubble=False):
    """The gateway did not answer, or answered no."""

    def __init__(self, question: _Question, error: GatewayError) -> None:
        super().__init__()
        self.question = question
        self.error = error


class AskingScreen(Screen[None]):
    """A screen with one line to the gateway."""

    def __init__(self) -> None:
        super().__init__()
        self._asked: _Question | None = None
        self._in_line: dict[str, _Question] = {}

    @property
    def dewey(self) -> "DeweyApp":
        """The application."""
        return cast("DeweyApp", self.app)

    @property
    def is_asking(self) -> bool:
        """Whether an answer is awaited."""
        return self._asked is not None

    @property
    def moment(self) -> Moment:
        """What time it is, and how instants are written."""
        return self.dewey.moment

    def ask(
        self,
        name: str,
        question: Callable[[], T],
        then: Callable[[T], None],
        refused: Callable[[GatewayRefused], None] | None = None,
    ) -> None:
        """Put a question in line; ``then`` gets the answer, in the main thread."""
        entry = _Question(name, question, then, refused)
        if self._asked is None:
            self._send(entry)
        else:
            self._in_line[name] = entry

    def awaits(self, name: str) -> bool:
        """Whether the answer to a question of that name is awaited."""
        return (self._asked is not None and self._asked.name == name) or name in self._in_line

    def _send(self, question: _Question) -> None:
        self._asked = question
        if question.name != POLL or not self.dewey.gateway.is_at_hand():
            self.run_worker(lambda: self._put(question), name=question.name, thread=True, exit_on_error=False)
            return
        try:
            outcome = self._outcome(question)
            if isinstance(outcome, Answer):
                self.on_answer(outcome)
            else:
                self.on_no_answer(outcome)
        except Exception as error:  # noqa: BLE001 - a question ends here, as a worker does: it is logged and shown
            self._broken(error)

    def _put(self, question: _Question) -> None:
        """Ask, in a worker's thread."""
        self.post_message(self._outcome(question))

    def _outcome(self, question: _Question) -> Answer | NoAnswer:
        timer = self.dewey.timer
        began = timer()
        try:
            value = question.ask()
        except GatewayError as error:
            return NoAnswer(question, error)
        return Answer(question, value, timer() - began)

    def _next(self) -> None:
        self._asked = None
        if self._in_line and self.is_attached:
            self._send(self._in_line.pop(next(iter(self._in_line))))

    def on_answer(self, message: Answer) -> None:
        """Hand the answer over, and ask the next question."""
        self._next()
        if self.is_of_backend(message.question.name):
            self.dewey.heard(message.took_s)
        message.question.then(message.value)
        self.answered(message.question.name)

    def on_no_answer(self, message: NoAnswer) -> None:
        """Say what was refused, or that nobody answers."""
        self._next()
        name, error = message.question.name, message.error
        refused = message.question.refused
        if isinstance(error, GatewayRefused) and (name != POLL or refused is not None):
            self.dewey.heard(None)
            if refused is not None:
                refused(error)
            else:
                self.notify(error.sentence.plain, severity="error", title="Not done")
        else:
            if name not in QUIET:
                self.notify(error.sentence.plain, severity="error", title="Nobody answered: it may not be done")
            self.dewey.unheard(error)
        self.answered(name)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A worker that ended in an exception is a bug: show it, and go on."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            event.stop()
            self._broken(event.worker.error)

    def _broken(self, error: BaseException) -> None:
        self.dewey.bug(error)
        name = self._asked.name if self._asked is not None else POLL
        self._next()
        self.answered(name)

    def is_of_backend(self, name: str) -> bool:
        """Say whether an answer to a question of that name means that the backend is there."""
        del name
        return True

    def answered(self, name: str) -> None:
        """Be told that a question of that name came to an end, well or not."""
