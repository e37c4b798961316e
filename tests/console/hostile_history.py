"""The part of a hostile gateway that knows history: every text of every answer is a payload."""

from datetime import datetime

from console.formats import safe_text
from console.gateway.beside import BesideView, DifferenceView, DiffView, RunTimes
from console.gateway.demo import DemoGateway
from console.gateway.demo_records import NOW
from console.gateway.failures import FailuresView, PlaceView, group_row, place_view
from console.gateway.glance import Glance
from console.gateway.past import PastFailures, PastView
from console.gateway.views import PauseView
from storage.history.failures import Group, Mark
from storage.values import replace


class HostileHistory(DemoGateway):
    """Groups of failures, comparisons and the past."""

    payloads: tuple[str, ...]

    def _trace(self, number: int) -> str:
        text = self.payloads[number]
        return f'Traceback (most recent call last):\n  File "{text}", line 1, in {text}\n    {text}\n{text}: {text}\n'

    def failures(self, anew: bool = False) -> FailuresView:
        """Return a group for each payload."""
        groups = [
            Group(f"{number:04}{text}", text, text, text, "muted" if number % 2 else "open",
                  Mark("muted", text, text, NOW), 1, 1, NOW, NOW, f"{number:04}{text}", hosts=(text,), versions=(text,))
            for number, text in enumerate(self.payloads)
        ]  # fmt: skip
        return FailuresView(tuple(group_row(group) for group in groups), safe_text(self.payloads[0], limit=100))

    def place(self, sample_key: str) -> PlaceView:
        """Return a frame of the payload."""
        return place_view(sample_key, self._trace(int(sample_key[:4])))

    def beside(self, key: str) -> BesideView:
        """Return differences of which every text is the payload."""
        text = safe_text(self.payloads[int(key[:4])], limit=300)
        found = tuple(DifferenceView(text, text, text) for _ in range(2))
        diff = DiffView(key, text, NOW, True, found, (text, text))
        return BesideView(key, RunTimes((0, 3, 9, 4), 7, 0.004), diff)

    def past(self, at: datetime) -> PastView:
        """Return what is now, as if it had been then; at odd minutes a payload is why it is not known."""
        if at.minute % 2:
            return PastView(at, problem=safe_text(self.payloads[0], limit=200))
        text = self.payloads[0]
        queues = tuple(replace(row, pause=PauseView(row.name, row.name, None)) for row in self.queues())
        return PastView(at, Glance(queues, self.fleet()), self.waits(), unknown=safe_text(text, limit=100))

    def past_failures(self, at: datetime) -> PastFailures:
        """Return the groups of now, as if they had been then."""
        return PastFailures(at, self.failures())
