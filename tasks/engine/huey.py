"""DeweyHuey: a Huey like any other, whose jobs are on the books.

    huey = DeweyHuey("shop", url="redis://localhost")

    @huey.task(queue="email", retries=3, retry_delay=1, retry_backoff=2)
    def send(order_id): ...

Everything that Huey does while it finishes a task is one settlement (see unit.py). ``immediate=True`` is stock Huey.
"""

import contextlib
import copy
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import redis
from huey import signals
from huey.api import ChordResult, Huey, PeriodicTask, Result, ResultGroup, TaskWrapper, chord, group
from huey.exceptions import ConfigurationError, HueyException
from huey.utils import ChordConfig, Error

from storage.broker.broker import Bounds, Broker, Claim, ClaimRequest, Settlement, Write, job_table
from storage.broker.connection import connect
from storage.broker.records import NewJob, State, TaskInfo
from storage.errors import StorageError, StoreUnavailable
from tasks.engine import context, registry
from tasks.engine.codec import TypedJson
from tasks.engine.consumer import DeweyConsumer
from tasks.engine.context import RunningJob
from tasks.engine.cron import Entry, Schedule
from tasks.engine.heartbeat import host
from tasks.engine.storage import DeweyStorage
from tasks.engine.unit import Unit, Units
from tasks.errors import Permanent, Transient

_logger = logging.getLogger(__name__)

DEFAULT_QUEUE = "default"
UNKNOWN_DELAY_MS = 15_000
"""How long a job of an unknown task waits for a consumer that knows it."""
CANCELS = {
    signals.SIGNAL_REVOKED: "revoked",
    signals.SIGNAL_EXPIRED: "expired",
    signals.SIGNAL_CANCELED: "canceled by its own code",
}


class TaskExited(Exception):
    """A task called sys.exit(): its attempt fails, its worker lives."""


class DeweyHuey(Huey):  # type: ignore[misc]  # huey has no types
    """Huey over the broker.

    ``url`` (or a function that answers it when it is first needed) or ``connection_pool`` name the Redis; neither
    means ``redis://localhost:6379/0``. ``lease_s`` is how long
    a silent worker keeps its jobs. ``queues`` are those a consumer of this instance serves (none named: all).
    ``crashes_allowed`` is how many workers a job may take down before it is buried.
    """

    def __init__(
        self,
        name: str = "dewey",
        *,
        url: str | Callable[[], str] | None = None,
        connection_pool: "redis.ConnectionPool | None" = None,
        lease_s: float = 30.0,
        queues: Sequence[str] = (),
        crashes_allowed: int = 3,
        bounds: Bounds | None = None,
        read_timeout_s: float = 1.0,
        **options: Any,
    ) -> None:
        if url and connection_pool:
            raise ConfigurationError("name the Redis once: url or connection_pool, not both")
        self.lease_s = lease_s
        self.queues = tuple(queues)
        self.crashes_allowed = crashes_allowed
        self.bounds = bounds
        self.read_timeout_s = read_timeout_s
        self._url = url or "redis://localhost:6379/0"
        self._pool = connection_pool
        self._units = Units()
        self._held: dict[str, Unit] = {}
        self._held_lock = threading.Lock()
        options.setdefault("serializer", TypedJson())
        super().__init__(name, **options)

    # -- parts -------------------------------------------------------------------------------------------------

    def get_storage(self, **_: Any) -> DeweyStorage:
        return DeweyStorage(self.name, self._open_books, self._units, self.instant_ms)

    def _open_books(self) -> Broker:
        url = self._url() if callable(self._url) else self._url
        client = redis.Redis(connection_pool=self._pool) if self._pool else connect(url)
        return Broker(client, self.name, self.bounds)

    def create_consumer(self, **options: Any) -> DeweyConsumer:
        return DeweyConsumer(self, **options)

    @property
    def broker(self) -> Broker:
        """The books. Raises ConfigurationError in immediate mode, which keeps none."""
        if not isinstance(self.storage, DeweyStorage):
            raise ConfigurationError("immediate mode keeps no books: set huey.immediate = False")
        return self.storage.broker

    @property
    def _keeps_books(self) -> bool:
        return isinstance(self.storage, DeweyStorage) and not self._immediate

    def instant_ms(self, naive: datetime) -> int:
        """Huey's naive datetime (UTC or local, as this instance is set) in ms since the epoch."""
        return int((naive.replace(tzinfo=UTC) if self.utc else naive).timestamp() * 1000)

    # -- tasks -------------------------------------------------------------------------------------------------

    def get_task_wrapper_class(self) -> type:
        return DeweyTaskWrapper

    def task(self, *args: Any, **settings: Any) -> Callable[[Callable[..., Any]], Any]:
        """Huey's decorator; ``queue="email"`` names the queue that the task's jobs wait in."""
        return cast(Callable[[Callable[..., Any]], Any], super().task(*args, **settings))

    def periodic_task(self, validate_datetime: Any, *args: Any, **settings: Any) -> Callable[[Callable[..., Any]], Any]:
        """Huey's decorator; takes ``cron("0 * * * *", timezone="Europe/Paris")`` as well as Huey's ``crontab()``."""
        if isinstance(validate_datetime, Schedule):
            settings["schedule"] = validate_datetime
        made = super().periodic_task(validate_datetime, *args, **settings)
        return cast(Callable[[Callable[..., Any]], Any], made)

    def task_infos(self) -> list[TaskInfo]:
        """What this process knows of its tasks, for the console."""
        classes = self._registry._registry
        return [registry.describe(name, one, getattr(one, "function", None)) for name, one in sorted(classes.items())]

    def entries(self) -> list[Entry]:
        """The periodic tasks, as the clock takes them."""
        return [self._entry(task_class) for task_class in self._registry._periodic_tasks]

    def _entry(self, task_class: Any) -> Entry:
        name = self._registry.task_to_string(task_class)
        validate = getattr(task_class, "schedule", None) or task_class().validate_datetime
        return Entry(name, validate, lambda job_id: self._new_job(task_class(id=job_id)))

    # -- enqueue -----------------------------------------------------------------------------------------------

    def enqueue(self, task: Any) -> Any:
        if not self._keeps_books:
            return super().enqueue(task)
        if isinstance(task, chord):
            return self._enqueue_chord(task)
        if isinstance(task, group):
            members = list(task.tasks)
            if any(isinstance(member, chord | group) for member in members):
                return ResultGroup([self.enqueue(member) for member in members])
            self._add([self._new_job(member) for member in members], members)
            return ResultGroup([self._handle(member) for member in members])
        self._add([self._new_job(task)], [task])
        return self._handle(task) if self.results else None

    def _add(self, jobs: Sequence[NewJob], tasks: Sequence[Any]) -> None:
        for task in tasks:
            self._emit(signals.SIGNAL_ENQUEUED, task)
        unit = self._units.now
        if unit is not None and unit.collects:
            unit.writes += [("enqueue", job_table(job)) for job in jobs]
        else:
            self.broker.enqueue(jobs)

    def _handle(self, task: Any) -> Any:
        results = self._pipeline_results(task)
        return ResultGroup(results) if len(results) > 1 else results[0]

    def _new_job(self, task: Any, *, blocked: bool = False, chord_id: str = "") -> NewJob:
        if task.expires:
            task.resolve_expires(self.utc)
        delay_ms = 0
        if task.eta is not None and not blocked:
            delay_ms = max(0, self.instant_ms(task.eta) - self.instant_ms(self._get_timestamp()))
        running = context.current_job()
        return NewJob(
            id=task.id,
            task=self._registry.task_to_string(type(task)),
            queue=getattr(task, "queue", None) or DEFAULT_QUEUE,
            payload=self.serialize_task(task),
            priority=task.priority or 0,
            delay_ms=delay_ms,
            retries=int(task.retries or 0),
            retry_delay_s=_seconds(task.retry_delay),
            parent=running.id if running is not None else "",
            chord=chord_id,
            blocked=blocked,
        )

    def _enqueue_chord(self, chord_obj: Any) -> Any:
        if not self._keeps_books:
            return super()._enqueue_chord(chord_obj)
        writes: list[Write] = []
        handle = self._lay_out(chord_obj, writes)
        unit = self._units.now
        if unit is not None and unit.collects:
            unit.writes += writes
        else:
            self.broker.write(writes)
        return handle

    def _lay_out(self, chord_obj: Any, writes: list[Write]) -> Any:
        """A chord's jobs, nested ones too, as writes of one step: the callback waits, blocked, for its members."""
        chord_id, callback = str(uuid.uuid4()), chord_obj.callback
        results = []
        members = list(chord_obj.tasks)
        for index, member in enumerate(members):
            if isinstance(member, group):
                raise ValueError(  # noqa: TRY004 - as Huey raises it
                    "cannot use `group` as a chord member - use .then() to convert to a `chord` first."
                )
            head = tail = member.callback if isinstance(member, chord) else member
            while tail.on_complete is not None:
                tail = tail.on_complete
            tail.chord_config = ChordConfig(chord_id, len(members), index, callback)
            if isinstance(member, chord):
                self._lay_out(member, writes)
            else:
                writes.append(("enqueue", job_table(self._new_job(head))))
                self._emit(signals.SIGNAL_ENQUEUED, head)
            results.append(Result(self, tail))
        if members:
            writes.insert(0, ("chord", chord_id, callback.id))
            writes.insert(1, ("enqueue", job_table(self._new_job(callback, blocked=True, chord_id=chord_id))))
        else:
            callback = copy.copy(callback)
            callback.extend_data(([],))
            writes.append(("enqueue", job_table(self._new_job(callback))))
        pipeline = self._pipeline_results(chord_obj.callback)
        return ChordResult(results, pipeline[0], ResultGroup(pipeline) if len(pipeline) > 1 else None)

    # -- what waits, as tasks ----------------------------------------------------------------------------------

    def pending(self, limit: int | None = None) -> list[Any]:
        return self._waiting(("queued",), limit) if self._keeps_books else super().pending(limit)

    def scheduled(self, limit: int | None = None) -> list[Any]:
        return self._waiting(("scheduled", "retrying"), limit) if self._keeps_books else super().scheduled(limit)

    def _waiting(self, states: Sequence[State], limit: int | None) -> list[Any]:
        """Tasks as they will run: with the retries they have left, and due when the broker says."""
        page = self.storage.inspector.jobs(states, limit=limit or 1_000_000)
        tasks = []
        for job in page.jobs:
            for task in self._deserialize_all([job.payload]):
                if states == ("scheduled", "retrying") and job.run_at is not None:
                    task.eta = (
                        job.run_at.replace(tzinfo=None) if self.utc else job.run_at.astimezone().replace(tzinfo=None)
                    )
                task.retries, task.retry_delay = job.retries_left, job.retry_delay_s
                tasks.append(task)
        return tasks

    # -- an attempt --------------------------------------------------------------------------------------------

    def claim_request(self, worker: str = "") -> ClaimRequest:
        """What a worker of this process asks for."""
        consumer = f"{host()}:{os.getpid()}"
        return ClaimRequest(consumer, worker or consumer, int(self.lease_s * 1000), self.queues)

    def dequeue(self) -> Any:
        if not self._keeps_books:
            return super().dequeue()
        claim = self.broker.claim(self.claim_request())
        return None if claim is None else self.open(claim)

    def open(self, claim: Claim) -> Any:
        """The task of a claim, or None when this process can not run it; then it is settled already."""
        unit = Unit(
            claim,
            RunningJob(claim.id, claim.task, claim.queue, claim.attempt, claim.token),
            claim.retries_left,
            claim.retry_delay_s,
        )
        with self._held_lock:
            self._held[claim.id] = unit
        try:
            task = self.deserialize_task(claim.payload)
            if claim.inputs is not None:
                task.extend_data(([self.serializer.deserialize(data) for data in claim.inputs],))
        except HueyException as error:
            self._set_aside(unit, error)
            return None
        except Exception as error:  # noqa: BLE001 - whatever a serializer makes of bytes that are not its own
            unit.error = error
            unit.end("dead", "the payload can not be read; its bytes are kept")
            self.settle(unit)
            return None
        task.retries, task.retry_delay, task.queue = claim.retries_left, claim.retry_delay_s, claim.queue
        if claim.inputs is None or claim.attempt > 1:
            task.eta = None  # the broker has seen to it, on its own clock
        return task

    def _set_aside(self, unit: Unit, error: Exception) -> None:
        """This process does not know the task, but another may (a rolling deploy): the job waits, unspent."""
        unit.release = True
        unit.end("scheduled", f"no task {unit.claim.task!r} in {host()}:{os.getpid()}", UNKNOWN_DELAY_MS)
        _logger.warning("job %s waits: %s", unit.claim.id, error)
        self.settle(unit)

    def execute(self, task: Any, timestamp: datetime | None = None) -> Any:
        if not self._keeps_books:
            return super().execute(task, timestamp)
        unit = self._held.get(task.id)
        if unit is None:
            claim = self.broker.take(self.claim_request(), task.id)
            unit = self._held.get(task.id) if claim is not None and self.open(claim) is not None else None
        if unit is None:  # on nobody's books: it runs, and what it writes happens at once
            return super().execute(task, timestamp)
        value = self.perform(unit, task, timestamp)
        self.settle(unit)
        return value

    def perform(self, unit: Unit, task: Any, timestamp: datetime | None = None) -> Any:
        """Run the task of a unit; what became of it is in the unit, to be settled."""
        self._units.now = unit
        context.enter(unit.running)
        try:
            return super().execute(task, timestamp)
        except StoreUnavailable as error:
            unit.writes.clear()
            unit.release = True
            unit.end("queued", f"the store went away while the job was being finished: {error}")
        except Exception as error:  # Huey could not finish the task: a result that has no JSON form, say
            _logger.exception("job %s ran, but could not be finished", task.id)
            self._bury(unit, task, error)
        finally:
            context.enter(None)
            self._units.now = None
        return None

    def _bury(self, unit: Unit, task: Any, error: Exception) -> None:
        unit.writes.clear()
        unit.store.clear()
        unit.error = error
        unit.end("dead", "it ran, but could not be finished")
        failure = Error(self.build_error_result(task, error))
        if self.results and not isinstance(task, PeriodicTask):
            unit.set(task.id, self.serializer.serialize(failure))
        self._abort_chord_member(task, failure)

    def settle(self, unit: Unit, following: ClaimRequest | None = None, patience_s: float = 60.0) -> Claim | None:
        """Commit a unit and, when asked, claim the next job in the same round trip.

        A Redis that is away is waited for, ``patience_s`` seconds; after that the lease ends by itself and the job
        runs again.
        """
        settlement = unit.settlement()
        deadline, pause_s = time.monotonic() + patience_s, 0.05
        while True:
            try:
                verdict, claim = self.broker.settle(settlement, following)
                break
            except StoreUnavailable as error:
                if time.monotonic() >= deadline:
                    _logger.error(  # noqa: TRY400 - the traceback is the driver's
                        "job %s could not be settled and will run again: %s", unit.claim.id, error
                    )
                    verdict, claim = "stale", None
                    break
                _logger.warning("the settlement of job %s waits for Redis: %s", unit.claim.id, error)
                time.sleep(pause_s)
                pause_s = min(2.0, pause_s * 2)
        with self._held_lock:
            self._held.pop(unit.claim.id, None)
        if verdict == "stale":
            _logger.warning("job %s had lost its lease: what this attempt did is not recorded", unit.claim.id)
        return claim

    def release(self, claim: Claim, reason: str) -> None:
        """Hand a claimed job back to its place in line, without spending an attempt."""
        unit = self._held.get(claim.id)
        release = Settlement(
            claim.id,
            claim.token,
            "queued",
            "released",
            claim.retries_left,
            claim.retry_delay_s,
            release=True,
            reason=reason,
            lines=unit.running.take()[0] if unit else (),
        )
        with self._held_lock:
            self._held.pop(claim.id, None)
        try:
            self.broker.settle(release)
        except StorageError as error:
            _logger.warning("job %s could not be handed back and waits for the end of its lease: %s", claim.id, error)

    def held(self) -> dict[str, str]:
        """The jobs this process holds, as id -> token."""
        with self._held_lock:
            return {job_id: unit.claim.token for job_id, unit in self._held.items()}

    def running(self) -> list[RunningJob]:
        """The jobs this process runs."""
        with self._held_lock:
            return [unit.running for unit in self._held.values()]

    def lose(self, job_id: str) -> None:
        """Note that a lease was lost: whatever the attempt still does is refused by the fence."""
        with self._held_lock:
            unit = self._held.get(job_id)
            if unit is not None:
                unit.running.lost = True

    def notify_interrupted_tasks(self) -> None:
        super().notify_interrupted_tasks()
        for unit in list(self._held.values()):
            self.release(unit.claim, "its consumer was stopped")

    # -- what Huey does while it finishes a task ---------------------------------------------------------------

    def _unit_of(self, task: Any) -> Unit | None:
        unit = self._units.now
        return unit if unit is not None and task.id == unit.claim.id else None

    @contextlib.contextmanager
    def _timeout_context(self, task: Any) -> Iterator[None]:
        unit = self._unit_of(task)
        if unit is None:
            with super()._timeout_context(task):
                yield
            return
        try:
            with super()._timeout_context(task), unit.task_code():
                yield
        except SystemExit as error:
            unit.error = TaskExited(f"the task called sys.exit({error.code!r})")
            raise unit.error from error
        except Exception as error:
            unit.error = error
            if isinstance(error, Permanent):
                task.retries = 0
            raise

    def _emit(self, signal: str, task: Any, *args: Any, **kwargs: Any) -> None:
        unit = self._unit_of(task)
        if unit is not None and signal in CANCELS:
            unit.end("canceled", CANCELS[signal])
        elif unit is not None and signal == signals.SIGNAL_INTERRUPTED:
            unit.release = True
            unit.end("queued", "its worker was stopped")
        super()._emit(signal, task, *args, **kwargs)

    def _run_post_execute(self, task: Any, task_value: Any, exception: BaseException | None) -> None:
        unit = self._unit_of(task)
        if unit is not None and exception is None and task_value is not None:
            unit.result = self.serializer.serialize(task_value)  # for the record, also of tasks that store no result
        super()._run_post_execute(task, task_value, exception)

    def _requeue_task(self, task: Any, timestamp: datetime, retry_eta: datetime | None = None) -> None:
        unit = self._unit_of(task)
        if unit is None:
            super()._requeue_task(task, timestamp, retry_eta)
            return
        task.retries -= 1
        delay_s, now = 0.0, self._get_timestamp()
        if retry_eta is not None:
            delay_s = (self.instant_ms(retry_eta) - self.instant_ms(now)) / 1000
        elif task.retry_delay:
            delay_s = _seconds(task.retry_delay)
            if task.retry_backoff:
                task.retry_delay *= task.retry_backoff
        if isinstance(unit.error, Transient):
            delay_s = max(delay_s, unit.error.retry_after_s)
        unit.retries_left, unit.retry_delay_s = task.retries, _seconds(task.retry_delay)
        unit.end("retrying" if delay_s > 0 else "queued", "", max(0, round(delay_s * 1000)))
        _logger.info("job %s is tried again in %.1f s, %s retries left", task.id, max(0.0, delay_s), task.retries)
        if delay_s > 0:
            task.eta = now + timedelta(seconds=delay_s)
        self._emit(signals.SIGNAL_SCHEDULED if delay_s > 0 else signals.SIGNAL_ENQUEUED, task)

    def add_schedule(self, task: Any) -> None:
        if not self._keeps_books:
            super().add_schedule(task)
            return
        unit = self._unit_of(task)
        if unit is not None:
            unit.release = True
            delay_ms = self.instant_ms(task.eta) - self.instant_ms(self._get_timestamp())
            unit.end("scheduled", "", max(1, delay_ms))
        else:
            self.broker.enqueue([self._new_job(task)])
        self._emit(signals.SIGNAL_SCHEDULED, task)

    def _check_chord(self, cc: ChordConfig, value: Any) -> None:
        if not self._keeps_books:
            super()._check_chord(cc, value)
            return
        join: Write = ("join", cc.cid, cc.idx, cc.size, self.serializer.serialize(value))
        unit = self._units.now
        if unit is not None and unit.collects:
            unit.writes.append(join)
        else:
            self.broker.write([join])


class DeweyTaskWrapper(TaskWrapper):  # type: ignore[misc]  # huey has no types
    """Keeps the function with its task class, so that its signature can be published."""

    def create_task(self, func: Any, context: bool = False, name: str | None = None, **settings: Any) -> Any:
        return super().create_task(func, context, name, function=staticmethod(func), **settings)


def _seconds(value: Any) -> float:
    return value.total_seconds() if hasattr(value, "total_seconds") else float(value or 0)
