"""G5: jobs that take their worker down are buried while the rest flows; what can not be run is kept with its bytes."""

import uuid

from storage.broker.records import NewJob
from tests.chaos.arena import Arena, open_arena
from tests.chaos.report import Row, row_of
from tests.servers import wait_until

CRASHES = 3
KILLERS = ("kill_itself", "leave", "break_memory")
ENDED = ("hog", "deaf")
"""These end as failures: a refused allocation raises, and a timeout of a process worker is hard."""
RUBBISH = (b"", b"\xff\x00\xfe", b"{", b'{"not": "a job"}', b"\x80\x04\x95pickle.")


def row(seed: int, each: int, good: int) -> Row:
    """Poison of every kind beside good jobs, on process workers."""
    with open_arena(lease_s=1.0, environment={"CHAOS_CRASHES": str(CRASHES), "CHAOS_KINDS": "work"}) as arena:
        fleet = arena.fleet(2, 4, "process", "ordeals")
        fleet.options = ("-c", "1")
        with fleet:
            poison = {name: arena.launch(name, *[[]] * each) for name in (*KILLERS, *ENDED)}
            rubbish = _rubbish(arena)
            arena.enqueue(seed, good)
            arena.finish(fleet, timeout_s=120 + 3 * each)
        failures = [one for name, ids in poison.items() for job_id in ids for one in _wrong(arena, name, job_id)]
        for job_id, payload in rubbish.items():
            job = arena.inspector.job(job_id)
            if job.state != "dead" or job.payload != payload:
                failures.append(f"undecodable job {payload!r} is {job.state} with {job.payload!r}")
        told, starts = arena.history, arena.history.of("start")
        done = told.of("done")
        bad = {job_id for ids in poison.values() for job_id in ids}
        acked = [job_id for job_id in told.of("acked") if job_id not in bad]
        lost = sum(job_id not in done for job_id in acked)
        extra = sum(len(starts.get(job_id, ())) > 1 for job_id in acked)
        crashes = sum(len(starts[job_id]) for name in KILLERS for job_id in poison[name])
    return Row(
        "G5",
        f"{each} each of {', '.join((*KILLERS, *ENDED))}, and rubbish",
        seed,
        faults=crashes + 2 * each + len(rubbish),
        jobs=len(acked),
        lost=lost,
        extra_starts=extra,
        failures=tuple(failures),
        note=f"each killer is buried at crash {CRASHES}; {crashes} workers died of them; counts are of the good jobs",
    )


def _rubbish(arena: Arena) -> dict[str, bytes]:
    jobs = {str(uuid.uuid4()): payload for payload in RUBBISH}
    arena.broker.enqueue([NewJob(job_id, "rubbish", "default", payload) for job_id, payload in jobs.items()])
    return jobs


def _wrong(arena: Arena, name: str, job_id: str) -> list[str]:
    job, starts = arena.inspector.job(job_id), len(arena.history.of("start")[job_id])
    found = []
    if job.state != "dead":
        found.append(f"{name} is {job.state}")
    if name in KILLERS and (job.crashes, starts) != (CRASHES, CRASHES):
        found.append(f"{name} started {starts} times and has {job.crashes} crashes on record: expected {CRASHES}")
    if name == "hog" and job.error_type != "MemoryError":
        found.append(f"hog ended with {job.error_type}: {job.error}")
    return found


def rolling_deploy(seed: int, jobs: int) -> Row:
    """An old consumer, which does not know a task, beside a new one: it puts the jobs back, whole."""
    with open_arena(environment={"CHAOS_UNKNOWN_MS": "300"}) as arena:
        with arena.fleet(1) as old:
            ids = arena.launch("hold", *[[0.01]] * jobs)
            wait_until(
                lambda: all(arena.inspector.job(job_id).reason for job_id in ids), "the old one to put each back"
            )
            kept = [arena.inspector.job(job_id) for job_id in ids]
            with arena.fleet(1, app="ordeals") as new:
                arena.finish(new, timeout_s=90)
            put_back = sum(job.state == "scheduled" and bool(job.payload) for job in kept)
            old.replace()
        verdict = arena.verdict()
        spent = sum(arena.inspector.job(job_id).attempt > 1 for job_id in ids)
    failures = [f"{spent} jobs spent an attempt on a consumer that did not know them"] if spent else []
    return row_of("G5", "rolling deploy", seed, verdict, faults=put_back, failures=failures)
