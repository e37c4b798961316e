"""What every screen does: it asks the gateway in a thread, one question at a time, and is told the answer.

The life of a question: `ask` puts it in line (a newer question of the same name takes the older one's place); a
thread worker asks; the answer comes back as a message; its handler hands the value to the screen, and the next
question goes out. A backend that is away keeps the last data on the screen, dimmed, and is asked again after a
growing pause. An exception that is neither answer nor refusal is a bug: it is logged and shown, and the screen
lives on.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar, cast

from textual.app import ComposeResult
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.worker import Worker, WorkerState

from console import bindings
from console.formats import Moment
from console.gateway.errors import GatewayError, GatewayRefused
from console.widgets.frame import PRODUCTION, HeaderLine, KeyBar, StaleBar

if TYPE_CHECKING:
    from console.app import DeweyApp

T = TypeVar("T")
POLL: Final = "poll"


@dataclass(frozen=True, slots=True)
class _Question:
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

    def _send(self, question: _Question) -> None:
        self._asked = question
        self.run_worker(lambda: self._put(question), name=question.name, thread=True, exit_on_error=False)

    def _put(self, question: _Question) -> None:
        """Ask, in a worker's thread."""
        timer = self.dewey.timer
        began = timer()
        try:
            value = question.ask()
        except GatewayError as error:
            self.post_message(NoAnswer(question, error))
        else:
            self.post_message(Answer(question, value, timer() - began))

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
            if name != POLL:
                self.notify(error.sentence.plain, severity="error", title="Nobody answered: it may not be done")
            self.dewey.unheard(error)
        self.answered(name)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A worker that ended in an exception is a bug: show it, and go on."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            event.stop()
            self.dewey.bug(event.worker.error)
            name = self._asked.name if self._asked is not None else POLL
            self._next()
            self.answered(name)

    def is_of_backend(self, name: str) -> bool:
        """Say whether an answer to a question of that name means that the backend is there."""
        del name
        return True

    def answered(self, name: str) -> None:
        """Be told that a question of that name came to an end, well or not."""


class DeweyScreen(AskingScreen):
    """A full screen: header, body, key bar; polled about every second while it is in sight."""

    BINDINGS = bindings.of("screen")
    AUTO_FOCUS = ""
    MODE: ClassVar[str] = ""
    """The entry of the header that is underlined."""

    def __init__(self) -> None:
        super().__init__()
        self._poll_timer: Timer | None = None

    # To be answered by screens.

    def compose_body(self) -> ComposeResult:
        """Yield the widgets between header and key bar."""
        yield from ()

    def poll(self) -> None:
        """Ask, under the name `POLL`, what the screen shows."""

    def tell(self, moment: Moment, stale: bool) -> None:
        """Take in what time it is, and whether the data is old."""

    def why_not(self, action: str) -> str:
        """Say why an action can not be done now, in a sentence; "" if it can."""
        if action == "back" and not self.can_go_back():
            return "This is the first screen. Quit with ctrl+q."
        return ""

    def step_back(self) -> bool:
        """Undo a step within the screen; False if there is none."""
        return False

    def has_steps(self) -> bool:
        """Say whether there is a step to undo within the screen."""
        return False

    # The rest is the same for all.

    def compose(self) -> ComposeResult:
        """Put the frame around the body."""
        yield HeaderLine(self.dewey.environment, self.MODE, self.dewey.colour)
        yield StaleBar()
        yield from self.compose_body()
        yield KeyBar()

    def on_mount(self) -> None:
        """Show the time and the health at once."""
        self.set_class(self.dewey.environment.plain.lower() in PRODUCTION, "-production")
        self.refresh_frame()

    def on_screen_resume(self) -> None:
        """Ask at once when the screen comes into sight."""
        self.refresh_frame()
        self.poll()

    def on_screen_suspend(self) -> None:
        """Ask nothing while out of sight."""
        self._stop_polling()

    def _stop_polling(self) -> None:
        if self._poll_timer is not None:
            self._poll_timer.stop()
            self._poll_timer = None

    def answered(self, name: str) -> None:
        """After a poll came to its end, set the timer for the next."""
        if name == POLL and self.is_current:
            self._stop_polling()
            pause = self.dewey.next_poll_s()
            if pause is not None:
                self._poll_timer = self.set_timer(pause, self.poll)
        self.refresh_frame()

    def refresh_frame(self) -> None:
        """Take the time and the health in."""
        moment, health = self.moment, self.dewey.health
        for header in self.query(HeaderLine):
            header.tell(health, moment)
        for bar in self.query(StaleBar):
            bar.tell(health, moment)
        if self.is_mounted:
            self.tell(moment, health.state == "away")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim the keys of what can not be done."""
        return None if self.why_not(action) else super().check_action(action, parameters)

    def can_go_back(self) -> bool:
        """Say whether `esc` has anything to undo."""
        return self.has_steps() or self.dewey.can_go_back()

    def action_back(self) -> None:
        """Undo one step: within the screen, or to the screen before."""
        if not self.step_back():
            self.dewey.go_back()

    def action_trigger(self) -> None:
        """Open the list of tasks."""
        self.dewey.open_trigger()

    def copy(self, text: str, what: str) -> None:
        """Put a safe text into the clipboard and say so."""
        self.dewey.copy_to_clipboard(text)
        self.notify(text, title=f"Copied {what}")

    def unavailable(self) -> Iterator[GatewayError]:
        """Yield the reason while the backend is away."""
        if self.dewey.away is not None:
            yield self.dewey.away
