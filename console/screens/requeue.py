"""What a requeue is about to do, said before it is done, and what became of it."""

from collections.abc import Sequence

from textual.content import Content

from console.formats import GLYPHS, plural, safe_text
from console.gateway.views import JobRow, Requeued
from console.screens.dialogs import Preview
from console.widgets.palette import state_color
from storage.broker.records import State

_WHY_NOT: dict[State, str] = {
    "running": "it is running",
    "queued": "it is in its queue already",
    "scheduled": "it is not due yet",
    "blocked": "it waits for other jobs",
    "succeeded": "it succeeded; trigger it again instead",
}


def refusal(row: JobRow) -> str:
    """Say why a job can not be requeued as it is now; "" if it can."""
    return _WHY_NOT.get(row.state, "")


def line(row: JobRow) -> Content:
    """Return a job as a line of a sample."""
    return Content.assemble(
        (f"{GLYPHS[row.state]} {row.state:<9} ", state_color(row.state)),
        row.short_id.stylize("$muted"),
        " ",
        row.task.stylize("$strong"),
        " ",
        row.note.stylize("$muted"),
    )


def preview(rows: Sequence[JobRow], gone: int) -> Preview:
    """Say what will be done to the jobs as they are now; ``gone`` of those asked for are no more."""
    eligible = [row for row in rows if not refusal(row)]
    left_out = [(Content.assemble(row.short_id, " ", row.task), refusal(row)) for row in rows if refusal(row)]
    left_out += [(Content("a job"), "it is gone")] * gone
    if not eligible:
        return Preview("Nothing to requeue", "", Content("None of them can be requeued."), 0, (), left_out)
    queues: dict[str, tuple[Content, int]] = {}
    for row in eligible:
        queues[row.queue_key] = (row.queue, queues.get(row.queue_key, (row.queue, 0))[1] + 1)
    where = Content(", ").join(
        [Content.assemble(name.stylize("bold"), f" ({number:,})") for name, number in queues.values()]
    )
    says = Content.assemble("Back into ", where, ", with all their retries.")
    jobs = plural(len(eligible), "job")
    return Preview(
        f"Requeue {jobs}?", f"Requeue {jobs}", says, len(eligible), [line(row) for row in eligible], left_out
    )


def eligible_keys(rows: Sequence[JobRow]) -> tuple[str, ...]:
    """Return the keys of those that can be requeued."""
    return tuple(row.key for row in rows if not refusal(row))


def outcome(results: Sequence[Requeued]) -> tuple[str, bool]:
    """Say what became of a requeue, and whether all of it was done."""
    done = sum(1 for result in results if result.done)
    missed = [result for result in results if not result.done]
    if not missed:
        return f"{plural(done, 'job')} requeued.", True
    first = missed[0]
    more = f" and {len(missed) - 1:,} more" if len(missed) > 1 else ""
    return f"{done:,} requeued; {first.short_id.plain}{more} not: {first.reason.plain}", False


def safe_key(key: str) -> str:
    """Return an id as it may go into a clipboard: whoever pastes it into a shell runs nothing."""
    return safe_text(key, limit=200).plain
