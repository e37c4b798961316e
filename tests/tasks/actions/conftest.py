"""The actions on real Redis and PostgreSQL, and short ways to act."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from storage import audit
from storage.audit import Entry
from storage.broker.records import Job
from tasks import resources
from tasks.actions.layer import Actions
from tasks.actions.tools import Tools, open_tools
from tasks.actions.values import Approval, Armed, Performed, Preview, Request
from tests.console.commands.office import Office
from tests.tasks.jobs import Jobs


@dataclass
class Desk:
    """An operator at work: ``do`` looks and acts at once."""

    actions: Actions
    office: Office

    def look(self, action: str, *subjects: str, query: str = "", **options: object) -> Preview:
        return self.actions.preview(Request(action, subjects, query, options))

    def act(self, preview: Preview, actor: str = "ada", **more: object) -> Performed:
        return self.actions.perform(preview, approval(actor, **{"typed": preview.confirm, **more}))

    def do(self, action: str, *subjects: str, **options: object) -> Performed:
        return self.act(self.actions.preview(Request(action, subjects, options=options)))

    def undo(self, number: int | None = None, actor: str = "ada") -> Performed:
        named = () if number is None else (str(number),)
        return self.act(self.actions.preview(Request("undo", named, options={"actor": actor})), actor)

    @property
    def tools(self) -> Tools:
        return self.actions.tools

    def job(self, job_id: str) -> Job:
        return self.office.inspector.job(job_id)

    def state(self, job_id: str) -> str:
        return self.job(job_id).state

    def last(self) -> Entry:
        return audit.entries(self.tools.database, limit=1)[0]

    def outcomes(self, performed: Performed) -> dict[str, str]:
        return {item.item: item.detail if item.outcome == "refused" else item.outcome for item in performed.items}


def approval(actor: str = "ada", **more: object) -> Approval:
    """An operator who is armed for a minute."""
    armed = Armed(actor, "on call", datetime.now(UTC) + timedelta(minutes=1))
    return Approval(**{"actor": actor, "host": "w1", "reason": "on call", "armed": armed, **more})  # type: ignore[arg-type]


@pytest.fixture
def office(jobs: Jobs) -> Office:
    """Jobs without a consumer."""
    return Office(jobs)


@pytest.fixture
def desk(office: Office) -> Desk:
    """An operator's desk over the office."""
    return Desk(Actions(open_tools(resources.current(), office.broker)), office)


@pytest.fixture
def dead(office: Office) -> Callable[..., str]:
    """Makes a job that is dead."""

    def make(job_id: str, queue: str = "default", **more: object) -> str:
        return office.run(office.add(job_id, queue), **{"fingerprint": "f1", "shape": "no such page", **more})

    return make


def plain(value: object) -> str:
    """A value as one text, to look for what must not be in it."""
    return json.dumps(value, default=str)
