"""The part of the demo gateway that knows flows: the reports that wait for others."""

from console.gateway.demo_part import DemoPart
from console.gateway.errors import GatewayRefused
from console.gateway.flow import FlowLine, flow_lines
from storage.broker.flows import FlowNode
from storage.broker.records import Job


class DemoFlow(DemoPart):
    """A canned tree under each blocked job."""

    def flow(self, key: str) -> tuple[FlowLine, ...]:
        """Return the flow of a canned job."""
        with self._lock:
            canned = self._jobs.get(key)
            jobs = [one.job for one in self._jobs.values()]
        if canned is None:
            raise GatewayRefused(f"there is no job {key}")
        root = _tree(canned.job, jobs) if canned.job.state == "blocked" else _node(canned.job)
        return flow_lines(root, key)


def _tree(job: Job, jobs: list[Job]) -> FlowNode:
    first = {state: next((one for one in jobs if one.state == state), None) for state in ("running", "dead", "queued")}
    ended = [one for one in jobs if one.state == "succeeded"][:3]
    running, dead, queued = (first[state] for state in ("running", "dead", "queued"))
    if not (running and dead and queued and len(ended) == 3):
        return _node(job)
    return _node(
        job,
        _node(ended[0]),
        _node(queued, _node(ended[1]), _node(running)),
        _node(dead, _node(ended[2])),
    )


def _node(job: Job, *children: FlowNode) -> FlowNode:
    error = f"{job.error_type}: {job.error}" if job.error_type else job.error
    state = "blocked" if any(child.state not in ("succeeded", "dead") for child in children) else job.state
    return FlowNode(job.id, job.task, job.queue, state, error, "", children)
