"""The part of the demo gateway that knows flows: the reports that wait for others. One table of children answers Flow
and Why?; states and tasks are those of the jobs themselves, so that no two screens differ."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from console.gateway.demo_night import canned_jobs
from console.gateway.demo_part import DemoPart
from console.gateway.errors import GatewayRefused
from console.gateway.flow import FlowLine, flow_lines
from storage.broker.flows import FlowNode
from storage.broker.records import Job, State
from storage.wording import error_line

_INGEST: Final = "tasks.ingestion.ingest_file"
_REPORT: Final = "tasks.reports.build_report"


@cache
def children() -> Mapping[str, tuple[str, ...]]:
    """Return which jobs each job of a flow waits, or waited, for: a report for files, and one for that report."""

    def jobs(state: State, task: str) -> list[str]:
        return [one.job.id for one in canned_jobs() if (one.job.state, one.job.task) == (state, task)]

    part, whole = jobs("blocked", _REPORT)
    ready, running = jobs("succeeded", _INGEST), jobs("running", _INGEST)
    return {
        part: (ready[0], running[0], jobs("queued", _INGEST)[-1]),
        whole: (ready[1], part, jobs("retrying", _INGEST)[0]),
    }


class DemoFlow(DemoPart):
    """The tree that a canned job is part of."""

    def flow(self, key: str) -> tuple[FlowLine, ...]:
        """Return the flow of a canned job, from its root."""
        with self._lock:
            jobs = {name: one.job for name, one in self._jobs.items()}
        if key not in jobs:
            raise GatewayRefused(f"there is no job {key}")
        above = {child: parent for parent, those in children().items() for child in those if parent in jobs}
        root = key
        while root in above:
            root = above[root]
        return flow_lines(_tree(root, jobs), key)

    def waits_for(self, key: str) -> tuple[list[Job], int]:
        """Return the jobs that a canned job still waits for, and how many it waited for."""
        those = children().get(key, ())
        found = [self._jobs[one].job for one in those if one in self._jobs]
        return [one for one in found if one.state != "succeeded"], len(those)


def _tree(key: str, jobs: Mapping[str, Job]) -> FlowNode:
    job = jobs.get(key)
    below = tuple(_tree(child, jobs) for child in children().get(key, ()))
    if job is None:
        return FlowNode(key, children=below)
    error = error_line(job.error_type, job.error)
    return FlowNode(job.id, job.task, job.queue, job.state, error, "", below)
