"""A job among others of its task: run times with its own marked, and what differs from the last success."""

from typing import Final

from textual.content import Content

from console.formats import Moment, duration
from console.gateway.beside import BesideView, DifferenceView, DiffView, RunTimes
from console.gateway.views import JobView
from console.widgets.histogram import draw
from console.widgets.job_pages import JobPage
from console.widgets.page import hanging, heading
from storage.values import replace
from storage.wording import plural

ROWS: Final = 6
NAME: Final = 16
"""Cells of a name, at least; longer ones may have a third of the width."""


class HistoryPage(JobPage):
    """Run times above, the comparison below."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.beside: BesideView | None = None

    def compare(self, beside: BesideView) -> None:
        """Take in what history knows."""
        if beside != self.beside:
            self.beside = beside
            self.changed()

    def lay_out(self, view: JobView, moment: Moment, width: int) -> list[Content]:
        """Return both parts, or that they are asked for."""
        if self.beside is None:
            return [Content.styled("◌ asking…", "$muted")]
        times = self.beside.times
        if times.is_running and view.started_at is not None:
            times = replace(times, mine_s=max(0.0, (moment.now - view.started_at).total_seconds()))
        lines = _times(times, view, width)
        return [*lines, Content(""), *_diff(self.beside.diff, moment, width)]


def _unknown(why: Content, width: int) -> list[Content]:
    said = Content.assemble(("can not know: ", "$warning"), why)
    return said.wrap(width)


def _times(times: RunTimes, view: JobView, width: int) -> list[Content]:
    title = heading(f"run times of {view.row.task.plain}", width)
    if times.problem.plain:
        return [title, *_unknown(times.problem, width)]
    if not times.total:
        none = f"no run of this task has ended in the last {times.days} days"
        return [title, Content.styled(none, "$muted"), *_own(times)]
    return [title, *draw(times.counts, times.mine, width, ROWS), *_own(times), _quantiles(times)]


def _own(times: RunTimes) -> list[Content]:
    """Say how long this job ran, and where that stands."""
    if times.mine_s is None:
        return [Content.styled("this job has not run", "$muted")]
    verb = "runs for" if times.is_running else "ran"
    said = Content.assemble(("this job ", "$muted"), f"{verb} ", (duration(times.mine_s), "bold $accent"))
    if times.total:
        share = 100 * times.longer_than / times.total
        said += Content.styled(f": longer than {share:.0f} % of runs", "$muted")
    return [said]


def _quantiles(times: RunTimes) -> Content:
    parts: list[tuple[str, str]] = []
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        seconds = times.quantile_s(share)
        if seconds is not None:
            parts += [(f"{name} ", "$muted"), (f"{duration(seconds)}   ", "$foreground")]
    return Content.assemble(*parts, (f"of {plural(times.total, 'run')} in the last {times.days} days", "$muted"))


def _diff(diff: DiffView, moment: Moment, width: int) -> list[Content]:
    title = heading("beside the last success", width)
    if diff.problem.plain:
        return [title, *diff.problem.stylize("$muted").wrap(width)]
    when = "" if diff.ended_at is None else f", {moment.ago(diff.ended_at)}"
    which = "before this job" if diff.is_before else "after this job: none did before"
    head = Content.assemble(diff.other.stylize("$primary"), f" succeeded {which}{when}")
    lines = [title, head, Content("")]
    if not diff.differences:
        return [*lines, Content.styled("nothing is different", "$muted")]
    name = max(NAME, min(width // 3, max(one.name.cell_length for one in diff.differences) + 2))
    side = max(12, (width - name - 2) // 2)
    columns = f"{'':<{name}}{'this job':<{side}}{'the success'}"
    lines.append(Content.styled(columns, "$muted"))
    for one in diff.differences:
        lines += _row(one, name, side)
    if diff.is_cut:
        lines.append(Content.styled("there are more differences than are listed", "$warning"))
    if diff.same:
        label = Content.styled("the same", "$muted")
        lines += [Content(""), *hanging(label, Content(", ").join(diff.same), name, width)]
    return lines


def _row(one: DifferenceView, name_cells: int, side: int) -> list[Content]:
    """Both values beside each other; long ones are folded."""
    mine = one.mine.fold(side - 1) or [Content("")]
    other = one.other.fold(side - 1) or [Content("")]
    lines = []
    for index in range(max(len(mine), len(other))):
        name = (
            one.name.truncate(name_cells - 1, ellipsis=True, pad=True)
            if index == 0
            else Content(" " * (name_cells - 1))
        )
        left = mine[index] if index < len(mine) else Content("")
        right = other[index] if index < len(other) else Content("")
        left = left.truncate(side, pad=True).stylize("$warning")
        lines.append(Content.assemble(name.stylize("$muted"), " ", left, right.stylize("$foreground")))
    if one.note:
        lines[0] = (lines[0] + Content.styled(f"  {one.note}", "$faint")).truncate(name_cells + 2 * side, ellipsis=True)
    return lines
