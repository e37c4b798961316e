"""What trials came to, one line per promise: counts of what was tried and of what went wrong, never an opinion."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tests.chaos.checkers import Verdict


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of trial. ``failures`` are sentences on what else did not hold; a trial without its faults fails."""

    promise: str
    trial: str
    seed: int
    trials: int = 1
    faults: int = 0
    jobs: int = 0
    lost: int = 0
    extra_starts: int = 0
    unexplained: int = 0
    failures: tuple[str, ...] = ()
    note: str = ""
    baseline: bool = False
    """Stock Huey's row: shown, and not judged."""

    @property
    def held(self) -> bool:
        """Whether the promise held."""
        return not self.wrong

    @property
    def wrong(self) -> tuple[str, ...]:
        """Sentences on all that did not hold."""
        counts = ((self.lost, "acked jobs were lost"), (self.unexplained, "jobs were started again without a cause"))
        found = tuple(f"{count} {what}" for count, what in counts if count)
        return () if self.baseline else found + self.failures

    @property
    def bound(self) -> str:
        """With none lost of n, 95 % sure that fewer than this share are (the rule of three)."""
        return f"{3 / self.jobs:.1e}" if self.jobs > 3 and not self.lost else "-"


def row_of(promise: str, trial: str, seed: int, verdict: Verdict, **more: object) -> Row:
    """A checker's verdict as a row. Whatever the checker found beside losses is a failure of its own."""
    found = (
        (verdict.misplaced, "jobs in two places or in none"),
        (verdict.early, "jobs started early"),
        (verdict.double_joins, "joins fired twice"),
        (verdict.holes, "joins with holes"),
        (verdict.undead, "jobs that must fail and did not"),
    )
    failures = [f"{len(ids)} {what}: {', '.join(ids[:3])}" for ids, what in found if ids]
    failures += [str(one) for one in more.pop("failures", ())]  # type: ignore[attr-defined]  # a list of sentences
    return Row(
        promise,
        trial,
        seed,
        jobs=verdict.jobs,
        lost=len(verdict.lost),
        extra_starts=verdict.extra_starts,
        unexplained=len(verdict.unexplained),
        failures=tuple(failures),
        **more,  # type: ignore[arg-type]  # fields of Row
    )


def summed(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Rows of the same trial with different seeds as one."""
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        one = found.get((row.promise, row.trial))
        if one is None:
            found[row.promise, row.trial] = row
            continue
        counts = ("trials", "faults", "jobs", "lost", "extra_starts", "unexplained")
        added = {name: getattr(one, name) + getattr(row, name) for name in counts}
        found[row.promise, row.trial] = replace(one, **added, failures=one.failures + row.failures, note=row.note)
    return tuple(found.values())


HEADERS = ("promise", "trial", "trials", "faults", "jobs", "lost", "extra starts", "unexplained", "bound", "held")


def cells(row: Row) -> tuple[str, ...]:
    """A row as texts, in the order of HEADERS."""
    counts = (row.trials, row.faults, row.jobs, row.lost, row.extra_starts)
    unexplained = "-" if row.baseline else f"{row.unexplained:,}"
    end = "baseline" if row.baseline else "yes" if row.held else "NO"
    return row.promise, row.trial, *(f"{count:,}" for count in counts), unexplained, row.bound, end


def table(rows: Sequence[Row]) -> str:
    """The rows as a table in Markdown, with notes and failures under it."""
    lines = [HEADERS, *(cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADERS))]
    text = [_line(lines[0], widths), "|" + "|".join("-" * (width + 2) for width in widths) + "|"]
    text += [_line(line, widths) for line in lines[1:]]
    notes = [f"- {row.promise} {row.trial}: {row.note}" for row in rows if row.note]
    wrong = [f"- {row.promise} {row.trial}, FAILED: {one}" for row in rows for one in row.wrong]
    return "\n".join([*text, "", *notes, *wrong])


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        text.ljust(width) if column < 2 else text.rjust(width)
        for column, (text, width) in enumerate(zip(texts, widths, strict=True))
    ]
    return "| " + " | ".join(padded) + " |"
