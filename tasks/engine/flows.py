"""Flows: trees of jobs across queues, laid out in one step.

    huey.launch(
        node(complete_order.s(7),
             validate_inventory.s(7),
             reserve_shipping.s(7),
             node(process_payment.s(7), validate_payment_method.s(7))))

A job runs when all its children have succeeded; until then it is `blocked`. It gets their results as one list, in the
order of the children, as its last positional argument, as the callback of a chord does. ``on_failure`` says what
becomes of it when a child is dead or canceled: with "fail" it is dead as well, at once, and blocked again when that
child is requeued; with "continue" it runs, with Huey's Error (or SKIPPED, for one that never ran) in that place.
A child may be a pipeline, ``first.s().then(second)``: its last value counts.
"""

from collections.abc import Iterator
from typing import Any, Literal

from huey import signals
from huey.api import Result, Task, TaskWrapper, chord, group
from huey.utils import ChordConfig, Error
from msgspec import Struct

from storage.broker.requests import Write, job_table
from tasks.engine.launch import Launching, chain_of


class Node(Struct, frozen=True):
    """A job to be, and those that it waits for."""

    task: Any
    children: tuple["Node", ...] = ()
    on_failure: Literal["fail", "continue"] = "fail"

    def walk(self) -> Iterator["Node"]:
        """This node and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def node(task: Any, *children: Any, on_failure: Literal["fail", "continue"] = "fail") -> Node:
    """A job that waits for its children, each a task (``work.s(1)``) or a node of its own.

    Raises:
        ValueError: one of them is no task, or the policy is neither "fail" nor "continue".
    """
    if on_failure not in ("fail", "continue"):
        raise ValueError(f"on_failure={on_failure!r}: use 'fail' or 'continue'")
    below = tuple(child if isinstance(child, Node) else node(child) for child in children)
    return Node(_task(task), below, on_failure)


def _task(given: Any) -> Any:
    if isinstance(given, chord | group):
        raise ValueError(f"a {type(given).__name__} can not be in a flow: write node(callback, *members)")  # noqa: TRY004
    task = given.s() if isinstance(given, TaskWrapper) else given
    if not isinstance(task, Task):
        raise ValueError(f"{given!r} can not be in a flow: use a task, as work.s(1), or a node")  # noqa: TRY004
    return task


class Flow(Result):  # type: ignore[misc]  # huey has no types
    """The handle of a launched node: Huey's Result of its job, and the handles of its children."""

    def __init__(self, huey: Any, task: Any, children: tuple["Flow", ...] = ()) -> None:
        super().__init__(huey, task)
        self.children = children

    def walk(self) -> Iterator["Flow"]:
        """This handle and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


class Flowing(Launching):
    """The part of DeweyHuey that launches trees."""

    def launch(self, root: Any) -> Flow:
        """Launch a tree of jobs, all of it or nothing; answers the handle of its root.

        Raises:
            ValueError: a task is in the tree twice, or is part of another join; or the tree is too large for one step.
            QueueFull: a queue has no room for its jobs among them. What a task enqueues as it ends is not limited.
        """
        tree = root if isinstance(root, Node) else node(root)
        seen: set[str] = set()
        for one in tree.walk():
            for task in chain_of(one.task):
                if task.id in seen:
                    raise ValueError(f"the task {task.id} is in the flow twice: make one with .s() for each place")
                if task.chord_config is not None:
                    raise ValueError(f"the task {task.id} is part of another flow or chord: make a new one with .s()")
                seen.add(task.id)
        if not self._keeps_books:
            return self._run_now(tree)
        writes: list[Write] = []
        handle = self._lay_tree(tree, writes)
        self._write(writes)
        return handle

    def _lay_tree(self, tree: Node, writes: list[Write]) -> Flow:
        """The jobs of a tree as writes of one step, each before its children, so that these find whom to tell."""
        task = tree.task
        if not tree.children:
            writes.append(("enqueue", job_table(self._new_job(task))))
            self._emit(signals.SIGNAL_ENQUEUED, task)
            return Flow(self, chain_of(task)[-1])
        waits = type(task)(id=task.id)  # its id is all that a member needs of it
        chains = [chain_of(child.task) for child in tree.children]
        for index, chain in enumerate(chains):
            chain[-1].chord_config = ChordConfig(task.id, len(chains), index, waits)
        job = self._new_job(task, blocked=True, chord_id=task.id, on_failure=tree.on_failure)
        writes.append(("chord", task.id, task.id, [" ".join(one.id for one in chain) for chain in chains]))
        writes.append(("enqueue", job_table(job)))
        return Flow(self, chain_of(task)[-1], tuple(self._lay_tree(child, writes) for child in tree.children))

    def _run_now(self, tree: Node) -> Flow:
        """In immediate mode: the children, one after the other, then the job itself."""
        task = tree.task
        children = tuple(self._run_now(child) for child in tree.children)
        values = [child.get_raw_result(preserve=True) for child in children]
        tail = chain_of(task)[-1]
        failed = [value for value in values if isinstance(value, Error)]
        if failed and tree.on_failure == "fail":
            self.put_result(tail.id, Error({**failed[0].metadata, "task_id": tail.id}))
        else:
            if children:
                task.extend_data((values,))
            self.enqueue(task)
        return Flow(self, tail, children)
