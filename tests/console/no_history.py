"""A gateway whose Redis answers while its PostgreSQL does not."""

from datetime import datetime

from textual.content import Content

from console.gateway.beside import BesideView, DiffView, RunTimes
from console.gateway.demo import DemoGateway
from console.gateway.failures import FailuresView
from console.gateway.past import PastFailures, PastView
from storage.values import replace


class NoHistoryGateway(DemoGateway):
    """Redis answers, PostgreSQL does not."""

    def failures(self, anew: bool = False) -> FailuresView:
        """Return what is dead, without what only history knows."""
        rows = [row for row in super().failures(anew).groups if row.dead]
        alone = [replace(row, trend=None, mark=None, state="open", hosts=(), versions=()) for row in rows]
        said = "trends and marks can not be known: PostgreSQL did not answer"
        return FailuresView(tuple(alone), Content(said))

    def past(self, at: datetime) -> PastView:
        """Say why nothing is known of then."""
        return PastView(at, problem=Content("PostgreSQL did not answer: connection refused"))

    def past_failures(self, at: datetime) -> PastFailures:
        """Say why nothing is known of then."""
        return PastFailures(at, problem=Content("PostgreSQL did not answer: connection refused"))

    def beside(self, key: str) -> BesideView:
        """Say why nothing is known of others."""
        why = Content("PostgreSQL did not answer: connection refused")
        return BesideView(key, RunTimes(problem=why), DiffView(problem=why))
