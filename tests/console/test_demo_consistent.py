"""The demo's data tells one story: no screen of it says what another one, or the same one, contradicts."""

import re
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from console.gateway.acting import Said
from console.gateway.demo import DemoGateway
from console.gateway.demo_fleet import FLEET
from console.gateway.demo_library import OF_JOBS
from console.gateway.demo_night import MEASURED, gap
from console.gateway.demo_records import FILES, FIRST_FILE, NOW, PAUSES, CannedJob, group_of
from console.gateway.demo_schedules import SCHEDULES
from console.gateway.timetable import ScheduleRow
from storage.broker.records import STATES, Job
from storage.broker.timetable import Schedule
from tasks.actions.values import Request

GATEWAY = DemoGateway()
ALL = tuple(GATEWAY._jobs.values())
JOBS = tuple(one.job for one in ALL)
SERVED = tuple(job for job in JOBS if job.task != "import_note")
"""Those that ran on the demo's own consumers; the hostile one did not."""


def clocked(after: timedelta) -> DemoGateway:
    """The demo some time after it was opened."""
    return DemoGateway(lambda: NOW + after)


def seconds(start: datetime, end: datetime | None) -> float:
    assert end is not None
    return (end - start).total_seconds()


def test_what_happened_to_a_job_happened_in_order_and_not_after_now() -> None:
    for job in JOBS:
        told = [job.created_at]
        for attempt in job.attempts:
            told += [attempt.started_at, *([attempt.finished_at] if attempt.finished_at else [])]
        told += [job.finished_at] if job.finished_at else []
        assert all(earlier <= later for earlier, later in pairwise([*told, NOW])), (job.state, job.task)
        assert (job.run_at is not None) == (job.state in ("scheduled", "retrying"))
        assert job.run_at is None or job.run_at > NOW
        if job.attempts:
            last = job.attempts[-1]
            assert (job.attempt, job.started_at) == (last.number, last.started_at)
            assert job.state == "retrying" or job.finished_at == last.finished_at


def test_an_attempt_ran_as_long_as_its_error_says() -> None:
    timed = 0
    for attempt in (one for job in JOBS for one in job.attempts):
        said = re.search(r"(?:after|within) ([\d.]+) s$", attempt.error)
        if said is not None:
            timed += 1
            assert float(said[1]) <= seconds(attempt.started_at, attempt.finished_at) < float(said[1]) + 1
    assert timed > 40


def test_an_attempt_begins_when_the_error_before_it_says() -> None:
    for job in JOBS:
        for before, after in pairwise(job.attempts):
            said = re.search(r"says to wait ([\d.]+) s$", before.error)
            assert said is None or seconds(before.finished_at or NOW, after.started_at) >= float(said[1])


@pytest.mark.parametrize("after_s", [0, 1, 95, 3_600])
def test_progress_is_where_the_log_is(after_s: int) -> None:
    gateway = clocked(timedelta(seconds=after_s))
    reading = [job for job in JOBS if job.state == "running" and job.queue == "ingestion"]
    assert reading
    for job in reading:
        progress = gateway.job(job.id).progress
        assert progress is not None
        pages = [re.match(r"page (\d+):", line.message.plain) for line in gateway.log(job.id, "").lines]
        logged = max((int(found[1]) for found in pages if found), default=1)
        assert progress.done in (logged, logged + 1)
        assert progress.done <= progress.total
        assert gateway.rows([job.id])[0].note.plain.startswith(f"{100 * progress.done // progress.total}% page ")
        assert progress.note.plain == f"page {progress.done}"


def test_what_a_log_says_of_a_success_is_how_long_it_ran() -> None:
    said = {line.job: line.message for line in GATEWAY._log if " done in " in line.message}
    done = [job for job in JOBS if job.state == "succeeded"]
    assert len(said) == len(done)
    for job in done:
        assert said[job.id].endswith(f" done in {seconds(job.attempts[-1].started_at, job.finished_at):.2f} s")


def test_every_job_ran_where_its_queue_is_served_by_a_consumer_that_was_there() -> None:
    consumers = {one.id: one for one in FLEET}
    for job in SERVED:
        for attempt in job.attempts:
            name, _, worker = attempt.worker.partition("/")
            assert job.queue in consumers[name].queues
            assert consumers[name].started_at < attempt.started_at
            assert 1 <= int(worker) <= consumers[name].workers
    running = [job.worker for job in JOBS if job.state == "running"]
    assert len(set(running)) == len(running)
    shown = [run.key for one in GATEWAY.fleet() for run in one.runs]
    assert sorted(shown) == sorted(job.id for job in JOBS if job.state == "running")


def test_jobs_waited_and_ran_as_the_measures_of_their_queue_say() -> None:
    for job in SERVED:
        measured = MEASURED[job.queue]
        assert measured.wait is not None
        assert measured.run is not None
        for attempt in job.attempts[:1]:
            assert seconds(job.created_at, attempt.started_at) <= measured.wait.p99_s
        if job.state == "succeeded":
            assert seconds(job.attempts[-1].started_at, job.finished_at) <= measured.run.p99_s
        if job.state == "queued" and job.queue not in PAUSES:
            assert seconds(job.created_at, NOW) <= measured.wait.p99_s


def test_lists_headers_and_queues_count_the_same() -> None:
    tallies = GATEWAY.states("")
    assert sum(one.value for one in tallies.values()) == GATEWAY.count("").value == len(JOBS)
    glance = GATEWAY.glance()
    assert glance.queues == GATEWAY.queues()
    for row in glance.queues:
        counts = Counter(job.state for job in JOBS if job.queue == row.key)
        for state in STATES:
            assert GATEWAY.count(f"queue:{row.key} state:{state}").value == counts[state]
        assert (row.queued, row.running, row.scheduled) == (counts["queued"], counts["running"], counts["scheduled"])
        assert (row.retrying, row.blocked, row.dead) == (counts["retrying"], counts["blocked"], counts["dead"])
        living = [one for one in FLEET if row.key in one.queues and not one.is_silent]
        assert row.consumers == len(living)


def test_what_went_through_a_queue_is_what_is_left_in_it() -> None:
    for row in GATEWAY.queues():
        came, went, failed = (sum(counts) for counts in zip(*row.minutes, strict=True))
        assert abs(came - went - row.queued) <= max(6, row.queued), row.key
        if row.key in PAUSES:
            assert (went, failed) == (0, 0)


def test_the_age_of_the_oldest_is_the_end_of_its_chart_and_grows_no_faster_than_time() -> None:
    ages = GATEWAY.waits().seconds
    assert ages[-1] == max(row.oldest_waiting_s for row in GATEWAY.queues())
    for before, after in pairwise(ages):
        assert before is None or after is None or after - before < 60.1 or before == 0
    minutes_ago = range(len(ages) - 1, -1, -1)
    assert [one is None for one in ages] == [bool(gap(NOW - timedelta(minutes=ago))) for ago in minutes_ago]


def test_a_minute_ago_it_was_much_as_it_is_now() -> None:
    before = {row.key: row for row in GATEWAY.past(NOW.replace(second=0, microsecond=0)).glance.queues}
    for row in GATEWAY.queues():
        assert abs(row.queued - before[row.key].queued) <= 3
        assert abs(row.dead - before[row.key].dead) <= 1
        assert abs(row.oldest_waiting_s - before[row.key].oldest_waiting_s) <= 60


def test_groups_count_what_the_list_of_jobs_has_of_them() -> None:
    groups = GATEWAY.failures().groups
    assert sum(group.dead or 0 for group in groups) == GATEWAY.count("state:dead").value
    for group in groups:
        assert group.dead == GATEWAY.count(f"group:{group.key} state:dead").value
        trend = group.trend
        assert trend is not None
        assert (trend.hours[-1], sum(trend.hours[-3:]), sum(trend.hours)) == (trend.hour, trend.three_hours, trend.day)
        assert trend.day <= trend.week <= trend.attempts
        age_h = (NOW - group.last_seen_at) / timedelta(hours=1)
        assert age_h >= 24 or trend.hours[-1 - int(age_h)] > 0
        assert not any(trend.hours[24 - int(age_h) :])
        assert group.first_seen_at <= group.last_seen_at
        known_h = (NOW - group.first_seen_at) / timedelta(hours=1)
        assert known_h >= 24 or not any(trend.hours[: 23 - int(known_h)])
        ours = [job for job in JOBS if job.state in ("dead", "retrying") and group_of(job) == group.key]
        ended = [attempt for job in ours for attempt in job.attempts]
        assert trend.day >= len(ended)
        if ended:
            assert group.last_seen_at == max(one.finished_at for one in ended if one.finished_at)
            assert [one.plain for one in group.hosts] == sorted({one.worker.partition(":")[0] for one in ended})


def test_versions_are_those_of_the_consumers() -> None:
    versions = {one.version for one in FLEET}
    for group in GATEWAY.failures().groups:
        assert {one.plain for one in group.versions} <= versions


def test_queues_failed_no_more_often_than_their_groups() -> None:
    for row in GATEWAY.queues():
        groups = [one.trend for one in GATEWAY.failures().groups if one.task.plain in _tasks(row.key)]
        failed = sum(failed for _, _, failed in row.minutes)
        assert failed <= sum(trend.hour for trend in groups if trend is not None)


def _tasks(queue: str) -> set[str]:
    return {job.task.rpartition(".")[2] for job in JOBS if job.queue == queue}


def test_requeueing_takes_nothing_from_what_has_failed() -> None:
    gateway = DemoGateway()
    before = {group.key: group for group in gateway.failures().groups}
    look = gateway.preview(Request("requeue", query="state:dead"))
    gateway.perform(look, Said(gateway.arm("a test")))
    after = {group.key: group for group in gateway.failures().groups}
    assert [group.dead for group in after.values()] == [0] * len(before)
    assert {key: group.trend for key, group in after.items()} == {key: group.trend for key, group in before.items()}


def test_every_run_of_a_schedule_is_a_job_of_one_of_its_ticks_or_by_hand() -> None:
    by_id = {one.job.id: one for one in ALL}
    rows: dict[str, ScheduleRow] = {row.key: row for row in GATEWAY.schedules()}
    for info in SCHEDULES:
        runs = [run for run in rows[info.name].runs if run.state]
        ticks = [run.tick_at for run in runs if run.tick_at is not None]
        assert len(set(ticks)) == len(ticks)
        for run in runs:
            canned: CannedJob = by_id[run.key]
            assert (run.enqueued_at, run.state) == (canned.job.created_at, canned.job.state)
            assert run.duration_s == seconds(canned.job.attempts[-1].started_at, canned.job.finished_at)
            if run.tick_at is not None:
                assert next(Schedule(info.expression, info.timezone).ticks(run.tick_at - timedelta(seconds=1))) == (
                    run.tick_at
                )
                assert run.late_s == seconds(run.tick_at, run.enqueued_at)
                assert 0 <= run.late_s < 60
            else:
                assert run.by.plain
        assert sum(1 for run in runs if run.by.plain) <= info.by_hand
        assert all(tick > NOW for tick in rows[info.name].next_at)


def test_the_audit_counts_its_items_and_acts_on_what_there_was() -> None:
    by_id = {job.id: job for job in JOBS}
    groups = {group.key for group in GATEWAY.failures().groups}
    entries = GATEWAY.audit(None, 100)
    for row in entries:
        items = GATEWAY.audit_entry(row.number).items
        outcomes = Counter(item.outcome for item in items)
        assert (row.items, row.done, row.refused) == (len(items), outcomes["done"], outcomes["refused"])
        named = re.search(r"--group (\w+)", row.command.plain)
        assert named is None or any(key.startswith(named[1]) for key in groups)
        for item in items:
            job = by_id.get(item.key)
            assert job is None or job.created_at < row.at
            assert job is None or row.action != "requeue" or (job.state == "dead" and _ended(job) < row.at)
    (canary,) = GATEWAY.canaries()
    begun = next(row for row in entries if "--canary" in row.command.plain)
    assert (canary.total, canary.by, canary.started_at) == (begun.items, begun.actor, begun.at)
    assert canary.sent + canary.refused == canary.total
    assert canary.succeeded + canary.failed == canary.sent
    assert any(key.startswith(canary.group.plain) for key in groups)


def _ended(job: Job) -> datetime:
    assert job.finished_at is not None
    return job.finished_at


def test_what_is_paused_limited_and_thrown_away_is_in_the_audit() -> None:
    entries = {row.action: row for row in GATEWAY.audit(None, 100)}
    for queue, pause in PAUSES.items():
        row = entries["pause"]
        assert queue in row.command.plain
        assert (row.actor.plain, row.reason.plain, row.at) == (pause.by, pause.reason, pause.at)
    limited = [row.key for row in GATEWAY.queues() if row.limit]
    assert all(queue in entries["limit"].command.plain for queue in limited)
    thrown = {item.key for row in GATEWAY.audit(None, 100) if row.action in ("purge", "discard")
              for item in GATEWAY.audit_entry(row.number).items}  # fmt: skip
    assert {one.job_key for one in GATEWAY.trash(None, 100)} == thrown
    assert not thrown & {job.id for job in JOBS}


def test_a_file_stands_as_the_job_that_reads_it_says() -> None:
    first, second = GATEWAY.files(None, None), GATEWAY.files(None, FIRST_FILE + FILES - 100)
    rows = {row.id: row for row in (*first.rows, *second.rows)}
    assert sum(first.tallies.values()) == len(rows) == FILES
    assert [rows[one].created_at for one in sorted(rows)] == sorted(row.created_at for row in rows.values())
    reading = [one for one in ALL if one.job.queue == "ingestion"]
    assert len({one.kwargs["file_id"] for one in reading}) == len(reading) == 60
    for one in reading:
        row = rows[one.kwargs["file_id"]]
        assert (row.name.plain, row.status) == (one.kwargs["name"], OF_JOBS[one.job.state])
        assert row.created_at < one.job.created_at
        assert row.completed_at == (one.job.finished_at if one.job.state == "succeeded" else None)
        assert row.name.plain in one.job.error or "“" not in one.job.error
        if isinstance(one.result, dict) and one.job.state == "succeeded":
            assert row.passages == one.result["chunks"] == GATEWAY.passages(row.id, 0).total
    assert not {row.status for row in rows.values() if row.id not in {one.kwargs["file_id"] for one in reading}} & {
        *("PENDING", "PROCESSING"),
    }


def test_a_canary_does_to_its_jobs_what_it_says() -> None:
    clock = [NOW]
    gateway = DemoGateway(lambda: clock[0])
    group = next(one for one in gateway.failures().groups if one.dead and one.dead > 5)
    look = gateway.preview(Request("canary", options={"group": group.key}))
    gateway.perform(look, Said(gateway.arm("a test")))
    for seconds_on in (1, 5, 10, 40, 200):
        clock[0] = NOW + timedelta(seconds=seconds_on)
        canary = gateway.canaries()[0]
        states = Counter(row.state for row in gateway.rows([one.id for one in look.preview.subjects]))
        assert states["succeeded"] == canary.succeeded
        assert states["queued"] == canary.sent - canary.outcomes
        assert states["dead"] == canary.total - canary.sent
        (now,) = [one for one in gateway.failures().groups if one.key == group.key]
        assert now.dead == states["dead"]
    assert canary.state == "finished"
