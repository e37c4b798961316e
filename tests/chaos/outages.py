"""G2: Redis dies, freezes, or its connections break in a storm. Nothing acked is lost, and work resumes by itself."""

import random
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from tests.chaos.arena import Arena, open_arena
from tests.chaos.history import History
from tests.chaos.proxy import Proxy
from tests.chaos.report import Row, row_of
from tests.servers import wait_until

Outage = Literal["kill", "stop", "cut", "silence"]
LEASE_S = 2.0
RESUME_S = LEASE_S + 5.0
BETWEEN_S = (0.3, 1.0)


@dataclass(frozen=True, slots=True)
class Plan:
    """So many outages of one kind; the jobs flow from before the first until after the last."""

    seed: int
    outage: Outage
    outages: int
    fsync: str = "everysec"
    stop_s: tuple[float, float] = (2.0, 6.0)
    kind: str = "thread"


def row(plan: Plan) -> Row:
    """One plan as a row. ``failures`` names each outage after which work did not resume in time."""
    options = ("--appendonly", "yes", "--appendfsync", plan.fsync)
    with open_arena(redis_options=options, lease_s=LEASE_S) as arena, Proxy(arena.store.server.socket_path) as proxy:
        arena.environment["CHAOS_REDIS_URL"] = proxy.url
        arena.environment["CHAOS_PACE_S"] = "0.01"
        with arena.fleet(3, kind=plan.kind) as fleet:
            ends, busy = _strike(plan, arena, proxy)
            died = sum(one.poll() is not None for one in fleet.running)
            for one in arena.enqueuers:
                one.kill()  # an enqueuer that dies has acked what it wrote down, and nothing else
            arena.finish(fleet)
        told = arena.history
        failures = [f"{died} consumers died of it"] if died else []
        failures += [late for number, end in enumerate(ends, 1) if (late := _late(told, number, end))]
        slowest_s = max((_resumed_s(told, end) for end in ends), default=0.0)
        note = f"a job started at most {slowest_s:.1f} s after an outage ended (allowed: {RESUME_S:g} s)"
        if busy:
            note += f"; at {busy} of the kills a sync was under way, until whose end Redis puts off what it writes"
        verdict = arena.verdict()
    return row_of("G2", _name(plan), plan.seed, verdict, faults=len(ends), failures=failures, note=note)


def _name(plan: Plan) -> str:
    return {
        "kill": f"SIGKILL of Redis, appendfsync {plan.fsync}",
        "stop": f"SIGSTOP of Redis for {plan.stop_s[0]:g}-{plan.stop_s[1]:g} s",
        "cut": "every connection cut",
        "silence": "every connection half-open",
    }[plan.outage]


def _strike_connections(strike: Callable[[], int]) -> None:
    """Break at least one: those that were silenced before may not have been given up yet."""
    wait_until(lambda: strike() > 0, "a connection to break", timeout_s=30)


def _strike(plan: Plan, arena: Arena, proxy: Proxy) -> tuple[Sequence[float], int]:
    """Let every outage happen; answers when each had ended, and how many kills met a Redis that may not have written
    all that it had answered. No consumer is replaced meanwhile."""
    chance = random.Random(plan.seed)
    arena.enqueue(plan.seed, 1_000_000)
    wait_until(lambda: bool(arena.history.of("done")), "the first job", timeout_s=30)
    ends, busy = [], 0
    for _ in range(plan.outages):
        time.sleep(chance.uniform(*BETWEEN_S))  # the storm's own rhythm
        if plan.outage == "kill":
            busy += arena.client.info("persistence").get("aof_pending_bio_fsync", 0) > 0
            arena.store.kill()
            time.sleep(chance.uniform(0, 0.5))  # how long Redis is away
            arena.store.start()
        elif plan.outage == "stop":
            arena.store.signal(signal.SIGSTOP)
            time.sleep(chance.uniform(*plan.stop_s))  # how long it is frozen
            arena.store.signal(signal.SIGCONT)
        else:
            _strike_connections(proxy.cut if plan.outage == "cut" else proxy.silence)
        end = time.time()
        ends.append(end)
        wait_until(lambda end=end: _resumed_s(arena.history, end) < RESUME_S * 3, "work to go on", timeout_s=60)  # type: ignore[misc]  # a default that binds
    return ends, busy


def _resumed_s(told: History, end: float) -> float:
    """Seconds from the end of an outage to the first start of a job after it."""
    return min((event.at - end for event in told.events if event.what == "start" and event.at > end), default=1e9)


def _late(told: History, number: int, end: float) -> str:
    seconds = _resumed_s(told, end)
    return f"after outage {number} the first job started only after {seconds:.1f} s" if seconds > RESUME_S else ""
