"""Reads of flows: the jobs that wait for each other, as a tree."""

from msgspec import Struct, field

from storage.broker.reading import Reads, text
from storage.errors import JobMissing


class FlowNode(Struct, frozen=True):
    """A job and those that it waits for, or waited for.

    ``state`` is "" when the record is past its retention. ``waits_for_it`` is the id of the job that waits for this
    one, or "". ``left_out`` counts children that are not shown, because the tree is too large.
    """

    id: str
    task: str = ""
    queue: str = ""
    state: str = ""
    error: str = ""
    waits_for_it: str = ""
    children: tuple["FlowNode", ...] = ()
    left_out: int = 0


class _Found(Struct):
    """A job while its tree is read, level by level. ``chains`` are the job ids of each child."""

    node: FlowNode
    chains: list[list[str]] = field(default_factory=list)
    left_out: int = 0


class FlowReads(Reads):
    """The part of the Inspector that reads flows."""

    def flow(self, job_id: str, limit: int = 500) -> FlowNode:
        """The tree of jobs under a job; at most ``limit`` of them. A child that is a pipeline is shown as its last job
        so far, with the one before it as its child. Raises JobMissing."""
        found = self._level([job_id], limit)
        if not found[job_id].node.state:
            raise JobMissing(f"there is no job {job_id!r}: it may be past its retention")
        level = [job_id]
        while level and len(found) < limit:
            wanted = [one for parent in level for chain in found[parent].chains for one in chain if one not in found]
            level = list(dict.fromkeys(wanted))[: limit - len(found)]
            found |= self._level(level, limit)
        return _tree(job_id, found, set())

    def _level(self, ids: list[str], limit: int) -> dict[str, _Found]:
        """One round trip for all jobs of a level."""
        if not ids:
            return {}
        with self._pipe() as pipe:
            for job_id in ids:
                pipe.hmget(self._keys.job(job_id), ("task", "queue", "state", "error", "member"))
                pipe.lrange(self._keys.children(job_id), 0, limit - 1)
                pipe.llen(self._keys.children(job_id))
            rows = iter(self._run(pipe))
        level = {}
        for job_id, fields, chains, size in zip(ids, rows, rows, rows, strict=True):
            task, queue, state, error, member = (text(value) for value in fields)
            node = FlowNode(job_id, task, queue, state, error, member.rpartition(":")[0].rpartition(":")[0])
            level[job_id] = _Found(node, [text(chain).split() for chain in chains], size - len(chains))
        return level


def _tree(job_id: str, found: dict[str, _Found], above: set[str], before: tuple[FlowNode, ...] = ()) -> FlowNode:
    one = found[job_id]
    children, left_out = list(before), one.left_out
    for chain in one.chains:
        shown: FlowNode | None = None
        known = [member for member in chain if member in found and member not in above]
        for member in [name for name in known if found[name].node.state] or known[:1]:
            shown = _tree(member, found, above | {job_id}, (shown,) if shown else ())
        if shown is None:
            left_out += 1
        else:
            children.append(shown)
    node = one.node
    return FlowNode(
        node.id, node.task, node.queue, node.state, node.error, node.waits_for_it, tuple(children), left_out
    )
