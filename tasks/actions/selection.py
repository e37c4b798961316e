"""Which jobs an action is asked for, and what is said of each that it can not be done to."""

from collections.abc import Callable, Iterable, Sequence

from storage.audit import Item
from storage.broker.custody import Answer, Shown
from storage.broker.records import Job, State
from storage.errors import JobMissing, Refused
from storage.wording import error_line, job_line
from tasks.actions.tools import MOST, Act, Tools
from tasks.actions.values import Found, NotEligible, Request, Subject

LABEL_CHARS = 160
READ_AT_ONCE = 500
NOT_ELIGIBLE_KEPT = 1_000
"""Most jobs that are named as not eligible; they are counted all the same."""

Why = Callable[[Job], str]
"""Why an action can not be done to a job; "" when it can."""


def ids_of(tools: Tools, request: Request) -> tuple[list[str], list[NotEligible]]:
    """The ids of the jobs that are asked for, and what names none. Raises Refused, JobMissing."""
    if request.subjects:
        return _named(tools, request.subjects)
    if request.text("group"):
        group = tools.inspector.failure_group(request.text("group"))
        limit = int(request.number("limit", -1))
        return _bounded(list(tools.inspector.failed_jobs(group.fingerprint, limit))), []
    if request.query:
        return _bounded(_searched(tools, request.query)), []
    raise Refused("say which jobs: name them, a group of failures, or a filter")


def _named(tools: Tools, given: Sequence[str]) -> tuple[list[str], list[NotEligible]]:
    found: dict[str, None] = {}
    unknown = []
    for prefix in given:
        try:
            if not prefix:
                raise JobMissing("the id of a job is empty: `dewey jobs` shows those that there are")  # noqa: TRY301
            found[tools.inspector.find(prefix)] = None
        except (JobMissing, Refused) as error:
            unknown.append(NotEligible(prefix, str(error)))
    return list(found), unknown


def _searched(tools: Tools, query: str) -> list[str]:
    if tools.search is None:
        raise Refused(f"filters can not be asked here ({query!r}): name the jobs, or a group of failures")
    return list(tools.search(query, MOST + 1))


def _bounded(ids: list[str]) -> list[str]:
    if len(ids) > MOST:
        raise Refused(f"that is more than {MOST:,} jobs: narrow it")
    return ids


def look_at(tools: Tools, ids: Sequence[str], why: Why, unknown: Iterable[NotEligible] = ()) -> Found:
    """What of these jobs an action can be done to, as they are now."""
    subjects: list[Subject] = []
    not_eligible = list(unknown)
    for start in range(0, len(ids), READ_AT_ONCE):
        part = ids[start : start + READ_AT_ONCE]
        jobs = {job.id: job for job in tools.inspector.rows(part)}
        for job_id in part:
            job = jobs.get(job_id)
            refusal = "it is gone: it may be past its retention" if job is None else why(job)
            if job is None or refusal:
                not_eligible.append(NotEligible(job_id, refusal))
            else:
                subjects.append(Subject(job_id, str(job.version), label(tools, job)))
    return Found(tuple(subjects), tuple(not_eligible))


def label(tools: Tools, job: Job) -> str:
    """A job in a line: id, task, queue, state, and what broke."""
    said = job_line(job.id, job.task, job.queue, job.state)
    error = error_line(job.error_type, job.error) if job.error_type else ""
    return tools.redactor.redact_text(f"{said}: {error}" if error else said)[:LABEL_CHARS]


def only(states: Sequence[State], instead: str) -> Why:
    """The rule of an action for jobs in some states; ``instead`` says so for the others."""

    def why(job: Job) -> str:
        return "" if job.state in states else f"it is {job.state}: {instead}"

    return why


def shown(act: Act) -> list[Shown]:
    """The jobs of an action, as they were shown."""
    return [Shown(subject.id, subject.seen) for subject in act.subjects]


def items_of(answers: Iterable[Answer], said: Callable[[Answer], str] | None = None) -> list[Item]:
    """What became of each job, for the audit; ``said`` is the detail of one that it was done to."""
    return [
        Item(answer.item, "", "done", said(answer) if said else "", answer.after)
        if answer.verdict == "done"
        else Item(answer.item, "", "refused", refusal(answer))
        for answer in answers
    ]


def refusal(answer: Answer) -> str:
    """Why it was not done to one item, as a sentence."""
    return {
        "missing": "it is gone",
        "changed": f"it has changed since it was shown: it is {answer.word} now, look again",
        "refused": f"it is {answer.word}",
        "taken": f"job {answer.word} holds its unique key",
        "failed": f"it waits for job {answer.word}, which failed: requeue that one, and it follows",
    }.get(answer.verdict, answer.verdict)
