"""The pages of one job: its summary, its attempts with their tracebacks, and how it is stored."""

from collections.abc import Iterator, Sequence
from typing import Final

from textual.content import Content

from console.formats import GLYPHS, Moment, duration
from console.gateway.views import AttemptView, Branch, FrameView, JobView, TracebackPart
from console.widgets.page import Page, hanging, heading, side_by_side
from console.widgets.palette import state_color
from storage.wording import plural

LABEL: Final = 12
OUTCOMES: Final = {
    "running": ("● running", "$primary"),
    "succeeded": ("✓ succeeded", "$success"),
    "failed": ("✗ failed", "$error"),
    "lost": ("? lost", "$error"),
    "canceled": ("⊘ canceled", "$muted"),
    "released": ("↻ released", "$warning"),
}


class JobPage(Page):
    """A page about a job."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.view: JobView | None = None
        self.moment: Moment | None = None

    def show(self, view: JobView | None, moment: Moment) -> None:
        """Take the job and the time in."""
        if (view, moment) != (self.view, self.moment):
            self.view, self.moment = view, moment
            self.changed()

    def lines(self, width: int) -> list[Content]:
        """Return the lines, or none while nothing is known."""
        if self.view is None or self.moment is None:
            return [Content("")]
        return self.lay_out(self.view, self.moment, width - 2)

    def lay_out(self, view: JobView, moment: Moment, width: int) -> list[Content]:
        """Return the lines of a known job."""
        raise NotImplementedError


class SummaryPage(JobPage):
    """What the job is, when it did what, its arguments and its result."""

    def lay_out(self, view: JobView, moment: Moment, width: int) -> list[Content]:
        """One column with what broke at its end; where there is room two, the right one with what broke at its top."""
        if width < 116:
            return [*_facts(view, moment, width), Content(""), *_values(view, width), *_broke(view, moment, width)]
        left = min(72, width // 2)
        right = width - left - 2
        broke = _broke(view, moment, right)
        beside = [*broke[1:], *broke[:1], *_values(view, right)]
        return side_by_side(_facts(view, moment, left), beside, left)


def _broke(view: JobView, moment: Moment, width: int) -> list[Content]:
    """The last attempt with its traceback, of a job whose last attempt failed."""
    if not view.attempts or not view.attempts[0].error:
        return []
    return [Content(""), *attempt_lines(view.attempts[0], moment, width)]


def _facts(view: JobView, moment: Moment, width: int) -> list[Content]:
    row = view.row
    lines: list[Content] = []

    def fact(label: str, value: Content | str) -> None:
        content = value if isinstance(value, Content) else Content(value)
        lines.extend(hanging(Content.styled(label, "$muted"), content, LABEL, width))

    if view.is_recorded or view.reason:  # else the title has said it
        fact("state", _state(view))
    if view.error:
        fact("error", view.error.stylize("$error"))
    if view.progress is not None:
        fact("progress", _progress(view, width - LABEL))
    fact("task", view.task)
    fact("queue", Content.assemble(row.queue, ("   priority ", "$muted"), f"{row.priority:g}"))
    fact("attempt", _tries(view))
    for label, said in _times(view, moment):
        fact(label, said)
    if row.worker:
        fact("worker", row.worker)
    if view.parent:
        fact("parent", view.parent)
    fact("id", view.id)
    return lines


def _times(view: JobView, moment: Moment) -> Iterator[tuple[str, str | Content]]:
    """Yield when it did what, and how long it took, as far as that is known."""
    instants = (
        ("created", view.row.created_at),
        ("due", view.run_at),
        ("started", view.started_at),
        ("finished", view.finished_at),
        ("lease until", view.lease_until),
    )
    yield from ((label, moment.full(at)) for label, at in instants if at is not None)
    spans = (("waited", _waited_s(view)), ("ran", view.row.seconds))
    yield from ((label, duration(seconds)) for label, seconds in spans if seconds is not None)


def _waited_s(view: JobView) -> float | None:
    """How long it waited for its only attempt; of a job that was tried again it is not known."""
    if view.started_at is None or view.row.attempt > 1:
        return None
    return max(0.0, (view.started_at - view.row.created_at).total_seconds())


def _state(view: JobView) -> Content:
    state = Content.styled(f"{GLYPHS[view.row.state]} {view.row.state}", state_color(view.row.state))
    if view.is_recorded:
        state += Content.styled("  in history only: Redis has forgotten it", "$accent")
    if view.reason:
        state += Content.assemble("  ", view.reason.first_line.stylize("$muted"))
    return state


def _tries(view: JobView) -> Content:
    row = view.row
    text = f"{row.attempt} of {row.attempts_max}"
    if row.state == "retrying":
        text += f", {plural(view.retries_left, 'retry', 'retries')} left"
    elif row.state == "dead" and view.retries_left:
        text += f", {plural(view.retries_left, 'retry', 'retries')} not used"
    parts: list[tuple[str, str]] = [(text, "$foreground")]
    if view.crashes:
        parts.append((f"   killed its worker {plural(view.crashes, 'time')}", "$error"))
    return Content.assemble(*parts)


def _progress(view: JobView, width: int) -> Content:
    progress = view.progress
    if progress is None:
        return Content("")
    if not progress.total:
        return Content.assemble(f"{progress.done:,}  ", progress.note.stylize("$muted"))
    cells = max(8, min(24, width - 30))
    full = max(0, min(cells, progress.done * cells // progress.total))
    return Content.assemble(
        ("━" * full, "$primary"),
        ("━" * (cells - full), "$faint"),
        f" {progress.done * 100 // progress.total}%  {progress.done:,} of {progress.total:,}  ",
        progress.note.stylize("$muted"),
    )


def _values(view: JobView, width: int) -> list[Content]:
    lines = [heading("Arguments", width, f"{view.payload_bytes:,} bytes" if view.payload_bytes else "")]
    if view.undecoded:
        lines += hanging(Content.styled("unreadable", "$error"), view.undecoded, LABEL + 2, width)
    elif not view.argument_lines:
        lines.append(Content.styled("none", "$faint"))
    lines += tree(view.argument_lines, width)
    if view.has_result:
        lines += [Content(""), heading("Result", width), *tree(view.result_lines, width)]
    elif view.row.state == "succeeded":
        lines += [Content(""), heading("Result", width), Content.styled("none, or taken by its caller", "$faint")]
    return lines


def tree(branches: Sequence[Branch], width: int) -> list[Content]:
    """Return a value as an indented tree, its values in one column."""
    if not branches:
        return []
    deepest = max(2 * branch.depth + branch.label.cell_length for branch in branches)
    indent = max(4, min(deepest, width // 3)) + 2
    lines: list[Content] = []
    for branch in branches:
        label = Content.assemble("  " * branch.depth, branch.label.stylize("$muted"))
        if not branch.label:
            lines += hanging(Content(""), branch.value, 1, width)
        else:
            lines += hanging(label, branch.value, indent, width)
    return lines


class RawPage(JobPage):
    """The job as it is stored."""

    def lay_out(self, view: JobView, moment: Moment, width: int) -> list[Content]:
        """Return its JSON, comments muted."""
        del moment
        lines: list[Content] = []
        for line in view.raw_lines:
            text = line.plain.lstrip(" ")
            shown = Content.styled(text, "$faint") if text.startswith("//") else Content(text)
            indent = 1 + min(len(line.plain) - len(text), width // 3)
            lines += hanging(Content(""), shown, indent, width) if text else [Content("")]
        return lines


class AttemptsPage(JobPage):
    """Every attempt, the newest first; of a traceback the application's frames, the rest folded."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.unfolded = False

    def unfold(self, on: bool) -> None:
        """Show the libraries' frames too, or fold them."""
        self.unfolded = on
        self.changed()

    def lay_out(self, view: JobView, moment: Moment, width: int) -> list[Content]:
        """Return attempt after attempt."""
        if not view.attempts:
            return [Content.styled("No attempt yet.", "$muted")]
        lines: list[Content] = []
        for attempt in view.attempts:
            lines += attempt_lines(attempt, moment, width, self.unfolded)
            lines.append(Content(""))
        return lines


def attempt_lines(attempt: AttemptView, moment: Moment, width: int, unfolded: bool = False) -> list[Content]:
    """Return an attempt with its tracebacks; of them the application's frames, or every one."""
    word, color = OUTCOMES.get(attempt.outcome, (attempt.outcome, "$muted"))
    ended = attempt.finished_at or moment.now
    took = duration(max(0.0, (ended - attempt.started_at).total_seconds()))
    title = Content.assemble(
        (f"Attempt {attempt.number}", "bold $primary"),
        ("  ", ""),
        (word, color),
        (f"  {moment.short(attempt.started_at)}  {took}  ", "$foreground"),
        attempt.worker.stylize("$muted"),
        " ",
    ).truncate(width, ellipsis=True)
    lines = [title + Content.styled("─" * max(0, width - title.cell_length), "$faint")]
    if not attempt.traceback and attempt.error:
        lines += hanging(Content(""), attempt.error.stylize("$error"), 2, width)
    for part in attempt.traceback:
        lines += _part(part, width, unfolded)
    return lines


def _part(part: TracebackPart, width: int, unfolded: bool) -> list[Content]:
    lines: list[Content] = []
    hidden = 0
    for frame in part.frames:
        if frame.application or unfolded:
            lines += _folded(hidden)
            hidden = 0
            lines += _frame(frame, width)
        else:
            hidden += 1
    lines += _folded(hidden)
    lines += hanging(Content(""), part.exception.stylize("$error"), 2, width)
    if part.link:
        lines += [Content(""), Content.assemble("  ", part.link.stylize("italic $muted")), Content("")]
    return lines


def _folded(frames: int) -> list[Content]:
    return [Content.styled(f"  ┄ {plural(frames, 'library frame')}", "$faint")] if frames else []


def _frame(frame: FrameView, width: int) -> list[Content]:
    place, *code = frame.text.split("\n", allow_blank=True)
    tone = "$strong" if frame.application else "$muted"
    lines = hanging(Content(""), place.stylize(tone), 2, width)
    for line in code:
        if line.plain.strip(" ^~"):
            lines += hanging(Content(""), line.stylize("$strong" if frame.application else "$muted"), 4, width)
    return lines
