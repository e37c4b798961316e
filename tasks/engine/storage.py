"""Huey's storage interface over the broker.

Inside a unit of work, writes are collected for its settlement; outside they happen at once. Data that did not come
from our Huey (an application that calls the storage itself) is kept as jobs without a task.
"""

import time
import uuid
from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import Any

from huey.constants import EmptyData
from huey.exceptions import TaskException
from huey.storage import BaseStorage

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.records import NewJob
from storage.broker.requests import Claim, ClaimRequest, Settlement
from tasks.engine.unit import Units

LOOK_S = 5.0
"""Who waits for a result is told when it is there, and looks this often all the same: a word may be lost."""
GONE = "job {} is gone without a result: it was thrown away before it ended, or forgotten"
RAW_TASK = "(raw)"
RAW_QUEUE = "default"


class DeweyStorage(BaseStorage):  # type: ignore[misc]  # huey has no types
    """The broker as a Huey storage. ``instant_ms`` turns Huey's naive datetimes into ms since the epoch."""

    blocking = True
    priority = True

    def __init__(
        self, name: str, broker: Callable[[], Broker], units: Units, instant_ms: Callable[[datetime], int]
    ) -> None:
        super().__init__(name)
        self.units = units
        self._make_broker = broker
        self._instant_ms = instant_ms

    @cached_property
    def broker(self) -> Broker:
        """The books, found when they are first needed."""
        return self._make_broker()

    @cached_property
    def inspector(self) -> Inspector:
        """Reads of the same books."""
        return Inspector(self.broker.client, self.broker.namespace)

    def close(self) -> bool:
        if "broker" in self.__dict__:
            self.broker.close()
        return True

    # -- the queue ---------------------------------------------------------------------------------------------

    def enqueue(self, data: bytes, priority: float | None = None) -> None:
        self.broker.enqueue([NewJob(str(uuid.uuid4()), RAW_TASK, RAW_QUEUE, data, priority or 0)])

    def dequeue(self) -> bytes | None:
        """Take raw data out of the queue for good: whoever calls this keeps no lease."""
        claim = self.broker.claim(ClaimRequest(f"raw-{uuid.uuid4()}", "raw", 60_000))
        if claim is None:
            return None
        self.finish_raw(claim)
        return claim.payload

    def finish_raw(self, claim: Claim) -> None:
        """Settle a claim whose data the caller has taken over."""
        self.broker.settle(
            Settlement(claim.id, claim.token, "canceled", "canceled", 0, reason="taken by the application")
        )

    def queue_size(self) -> int:
        return self.inspector.count(("queued",))

    def enqueued_items(self, limit: int | None = None) -> list[bytes]:
        return self._payloads("queued", limit)

    def flush_queue(self) -> None:
        self.broker.flush(("blocked", "queued"))

    # -- the schedule ------------------------------------------------------------------------------------------

    def add_to_schedule(self, data: bytes, ts: datetime) -> None:
        delay_ms = max(1, self._instant_ms(ts) - self.inspector.clock_ms())
        run_at_ms = self._instant_ms(ts)
        job_id = str(uuid.uuid4())
        self.broker.enqueue([NewJob(job_id, RAW_TASK, RAW_QUEUE, data, delay_ms=delay_ms)])
        if delay_ms == 1:  # already due: keep Huey's order by the instant it was due at
            self.broker.call("zadd", self.broker.keys.index(RAW_QUEUE, "scheduled"), {job_id: run_at_ms})

    def read_schedule(self, ts: datetime) -> list[bytes]:
        """Take what is due out of the schedule and hand it over (the consumer itself promotes inside Redis)."""
        due = self.inspector.due(("scheduled", "retrying"), self._instant_ms(ts))
        request = ClaimRequest(f"raw-{uuid.uuid4()}", "raw", 60_000)
        payloads = []
        for job_id in due:
            claim = self.broker.take(request, job_id)
            if claim is not None:
                self.finish_raw(claim)
                payloads.append(claim.payload)
        return payloads

    def schedule_size(self) -> int:
        return self.inspector.count(("scheduled", "retrying"))

    def scheduled_items(self, limit: int | None = None) -> list[bytes]:
        return self._payloads("scheduled", limit) + self._payloads("retrying", limit)

    def flush_schedule(self) -> None:
        self.broker.flush(("scheduled", "retrying"))

    # -- the key/value store -----------------------------------------------------------------------------------

    def put_data(self, key: Any, value: bytes, is_result: bool = False) -> None:
        unit = self.units.now
        if unit is not None and unit.collects:
            unit.set(_text(key), value, is_result=is_result)
        else:
            self.broker.call("hset", self.broker.keys.data, key, value)

    def peek_data(self, key: Any) -> Any:
        unit = self.units.now
        name = _text(key)
        if unit is not None and name in unit.store:
            value = unit.store[name]
            return EmptyData if value is None else value
        found = self.broker.call("hget", self.broker.keys.data, key)
        if found is None:
            found = self.broker.call("get", self.broker.keys.hold(name))
        return EmptyData if found is None else found

    def peek_many(self, keys: list[str]) -> dict[str, bytes]:
        unit = self.units.now
        found = {}
        if unit is not None and not unit.in_task:  # the claim brought the revoke flags along
            known = {
                f"r:{unit.claim.id}": unit.claim.revoked_one,
                f"rt:{unit.claim.task}": unit.claim.revoked_all,
                **unit.store,
            }
            # A flag that stands is read again: it may have been restored since.
            found = {key: unit.store[key] for key in keys if unit.store.get(key) is not None}
            keys = [key for key in keys if known.get(key, b"") is not None and key not in unit.store]
        if keys:
            values = self.broker.call("hmget", self.broker.keys.data, keys)
            found |= {key: value for key, value in zip(keys, values, strict=True) if value is not None}
        return found  # type: ignore[return-value]  # None was left out above

    def pop_data(self, key: Any) -> Any:
        unit = self.units.now
        if unit is not None and unit.collects:
            value = self.peek_data(key)
            unit.delete(_text(key))
            return value
        found = self.broker.run("pop_data", key)
        return EmptyData if found is None else found

    def delete_data(self, key: Any) -> bool:
        unit = self.units.now
        if unit is not None and unit.collects:
            flag = f"r:{unit.claim.id}"
            name = _text(key)
            if name == flag and unit.claim.revoked_one is None and name not in unit.store:
                return False  # the flag was not there at the claim: nothing to remove, nothing to write
            return unit.delete(name)
        return self.broker.run("pop_data", key) is not None

    def has_data_for_key(self, key: Any) -> bool:
        return self.peek_data(key) is not EmptyData

    def wait_result(
        self, key: Any, timeout: float | None = None, backoff: float = 1.15, max_delay: float = 1.0
    ) -> bool:
        """Wait for a key to be set: until its job says that it has ended, and no longer than ``timeout`` seconds.

        Raises:
            TaskException: the job was there and is gone, without a result: it was thrown away.
        """
        del backoff, max_delay  # how Huey polls
        deadline = None if timeout is None else time.monotonic() + timeout
        job_id, was_there = _text(key), False
        with self.broker.listen(job_id) as ended:
            while not self.has_data_for_key(key):
                is_there = self.broker.knows(job_id)  # what follows in a pipeline is not there yet
                if was_there and not is_there and not self.has_data_for_key(key):
                    raise TaskException(
                        {"error": GONE.format(job_id), "retries": 0, "traceback": "", "task_id": job_id}
                    )
                left_s = LOOK_S if deadline is None else min(LOOK_S, deadline - time.monotonic())
                if left_s <= 0:
                    return False
                was_there = ended(left_s) or is_there
        return True

    def put_if_empty(self, key: Any, value: bytes, ttl: float | None = None) -> bool:
        return bool(self.broker.run("put_if_empty", key, value, int((ttl or 0) * 1000)))

    def incr(self, key: Any, amount: int = 1) -> int:
        return int(self.broker.call("hincrby", self.broker.keys.counters, key, amount))

    def delete_counter(self, key: Any) -> None:
        self.broker.call("hdel", self.broker.keys.counters, key)

    def result_store_size(self) -> int:
        return int(self.broker.call("hlen", self.broker.keys.data))

    def result_items(self) -> dict[str, bytes]:
        found = self.broker.call("hgetall", self.broker.keys.data)
        return {key.decode(): value for key, value in found.items()}

    def flush_results(self) -> None:
        self.broker.call("delete", self.broker.keys.data)

    def flush_counters(self) -> None:
        self.broker.call("delete", self.broker.keys.counters)

    # -- shared ------------------------------------------------------------------------------------------------

    def _payloads(self, state: Any, limit: int | None) -> list[bytes]:
        page = self.inspector.jobs((state,), limit=limit or 1_000_000)
        return [job.payload for job in page.jobs]


def _text(key: Any) -> str:
    return key.decode() if isinstance(key, bytes) else str(key)
