"""DeweyHuey: a Huey like any other, whose jobs are on the books.

    huey = DeweyHuey("shop", url="redis://localhost")

    @huey.task(queue="email", retries=3, retry_delay=1, retry_backoff=2)
    def send(order_id): ...

Everything that Huey does while it finishes a task is one settlement (see unit.py). ``immediate=True`` is stock Huey.
"""

import contextlib
import logging
import os
import random
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from huey import signals
from huey.api import PeriodicTask
from huey.exceptions import CancelExecution, HueyException, TaskTimeout
from huey.utils import SKIPPED, ChordConfig, Error

from storage.broker.requests import Claim, ClaimRequest, Settlement, Verdict
from storage.errors import StorageError, StoreRefused, StoreUnavailable
from tasks.engine import context, retry
from tasks.engine.burial import tell_failure
from tasks.engine.context import RunningJob
from tasks.engine.flows import Flowing
from tasks.engine.heartbeat import host
from tasks.engine.interrupt import CalledOff, Stop, TimedOut
from tasks.engine.launch import chain_of
from tasks.engine.unit import Unit, bare, storable, text_of, traceback_of
from tasks.errors import Permanent, Transient

_logger = logging.getLogger(__name__)

UNKNOWN_DELAY_MS = 15_000
"""About how long a job of an unknown task waits for a consumer that knows it."""
CANCELS = {
    signals.SIGNAL_REVOKED: "revoked",
    signals.SIGNAL_EXPIRED: "expired",
    signals.SIGNAL_CANCELED: "canceled by its own code",
}


class TaskExited(Exception):
    """A task called sys.exit(): its attempt fails, its worker lives."""


class DeweyHuey(Flowing):
    """Huey over the broker.

    ``url`` (or a function that answers it when it is first needed) or ``connection_pool`` name the Redis; neither
    means ``redis://localhost:6379/0``. ``lease_s`` is how long
    a silent worker keeps its jobs. ``queues`` are those a consumer of this instance serves (none named: all).
    ``crashes_allowed`` is how many workers a job may take down before it is buried.
    """

    # -- an attempt --------------------------------------------------------------------------------------------

    def claim_request(self, worker: str = "") -> ClaimRequest:
        """What a worker of this process asks for."""
        consumer = f"{host()}:{os.getpid()}"
        return ClaimRequest(consumer, worker or consumer, int(self.lease_s * 1000), self.queues)

    def dequeue(self) -> Any:
        if not self._keeps_books:
            return super().dequeue()
        claim = self.broker.claim(self.claim_request())
        return None if claim is None else self.open(claim)[1]

    def open(self, claim: Claim) -> tuple[Unit, Any]:
        """Begin the unit of a claim. Its task is None when this process can not run it; then it is settled already."""
        unit = Unit(
            claim,
            RunningJob(claim.id, claim.task, claim.queue, claim.attempt, claim.token, redactor=self.redactor),
            claim.retries_left,
            claim.retry_delay_s,
        )
        self.held.add(unit)
        try:
            task = self.deserialize_task(claim.payload)
            if claim.inputs is not None:
                values = [self.serializer.deserialize(data) if data else SKIPPED for data in claim.inputs]
                task.extend_data((values,))
        except HueyException as error:
            self._set_aside(unit, error)
            return unit, None
        except Exception as error:  # noqa: BLE001 - whatever a serializer makes of bytes that are not its own
            unit.error = error
            unit.end("dead", "the payload can not be read; its bytes are kept")
            if self.results:
                failure = Error({"error": text_of(error), "retries": 0, "traceback": "", "task_id": claim.id})
                unit.set(claim.id, self.serializer.serialize(failure))
            self.settle(unit)
            return unit, None
        unit.running.task_called = task
        task.retries, task.retry_delay, task.queue = claim.retries_left, claim.retry_delay_s, claim.queue
        if claim.inputs is None or claim.attempt > 1:
            task.eta = None  # the broker has seen to it, on its own clock
        return unit, task

    def _set_aside(self, unit: Unit, error: Exception) -> None:
        """This process does not know the task, but another may (a rolling deploy): the job waits, unspent."""
        unit.release = True
        delay_ms = round(UNKNOWN_DELAY_MS * random.uniform(0.5, 1.5))  # else it may come back to this process for ever
        unit.end("scheduled", f"no task {unit.claim.task!r} in {host()}:{os.getpid()}", delay_ms)
        _logger.warning("job %s waits: %s", unit.claim.id, error)
        self.settle(unit)

    def execute(self, task: Any, timestamp: datetime | None = None) -> Any:
        if not self._keeps_books:
            return super().execute(task, timestamp)
        unit = self.held.get(task.id)
        if unit is None:
            claim = self.broker.take(self.claim_request(), task.id)
            opened = self.open(claim) if claim is not None else None
            unit = opened[0] if opened is not None and opened[1] is not None else None
        if unit is None:  # on nobody's books: it runs, and what it writes happens at once
            return super().execute(task, timestamp)
        value = self.perform(unit, task, timestamp)
        self.settle(unit)
        return value

    def perform(self, unit: Unit, task: Any, timestamp: datetime | None = None) -> Any:
        """Run the task of a unit; what became of it is in the unit, to be settled."""
        unit.task = task
        try:
            with self.collecting(unit):
                return super().execute(task, timestamp)
        except StoreUnavailable as error:
            unit.writes.clear()
            unit.release = True
            unit.end("queued", f"the store went away while the job was being finished: {error}")
        except (TimedOut, CalledOff) as error:  # it came when the task's own code had been left already
            self._end_from_outside(unit, error, f"timeout ({task.timeout}s)")
        except (Exception, SystemExit) as error:  # Huey could not finish it: a result that has no JSON form, say
            with self.collecting(unit):
                _logger.exception("job %s ran, but could not be finished", task.id)
                self._bury(unit, task, error)
        except BaseException:
            self.held.drop(unit)  # this worker ends here: the lease runs out, and another one takes the job
            raise
        return None

    def _end_from_outside(self, unit: Unit, why: BaseException | None, said: str) -> None:
        """Write what Huey would for a task whose time is up, as ``said``, or that was called off."""
        unit.writes.clear()
        unit.store.clear()
        if isinstance(why, CalledOff):
            unit.called_off = True
            unit.end("canceled", unit.reason)
            failure: Exception = CancelExecution(unit.reason, retry=False)
        else:
            failure = unit.error = TaskTimeout(said)
        with self.collecting(unit):
            if unit.error is not None and unit.retries_left > 0:
                self._requeue_task(unit.task, self._get_timestamp())
            else:
                unit.retries_left = 0
                tell_failure(self, unit.task, failure)

    @contextlib.contextmanager
    def collecting(self, unit: Unit) -> Iterator[None]:
        """Make a unit this thread's own. A task may run another one inside of itself: then it has its own back."""
        outer = self._units.now, context.current_job()
        self._units.now = unit
        context.enter(unit.running)
        try:
            yield
        finally:
            self._units.now = outer[0]
            context.enter(outer[1])

    def _bury(self, unit: Unit, task: Any, error: BaseException) -> None:
        unit.writes.clear()
        unit.store.clear()
        unit.error = error
        unit.end("dead", "it ran, but could not be finished")
        failure = Error(DeweyHuey.build_error_result(self, task, error))  # not an application's own: it may have failed
        if self.results and not isinstance(task, PeriodicTask):
            unit.set(task.id, self.serializer.serialize(failure))
        self._abort_chord_member(task, failure)

    def settle(self, unit: Unit, following: ClaimRequest | None = None, patience_s: float = 60.0) -> Claim | None:
        """Commit a unit and, when asked, claim the next job in the same round trip.

        A Redis that is away is waited for, ``patience_s`` seconds; after that the lease ends by itself and the job
        runs again.
        """
        unit.settling = True
        try:
            settlement = unit.settlement()
            try:
                verdict, claim = self._settled(settlement, following, patience_s)
            except StoreRefused as error:
                _logger.error("job %s is buried, because its end was refused: %s", unit.claim.id, error)  # noqa: TRY400
                verdict, claim = self._settled(bare(settlement, error), following, patience_s)
        except StorageError as error:
            _logger.error(  # noqa: TRY400 - the traceback is the driver's
                "job %s could not be settled and will run again: %s", unit.claim.id, error
            )
            return None
        finally:
            self.held.drop(unit)
        if verdict == "stale":
            _logger.warning("job %s had lost its lease: what this attempt did is not recorded", unit.claim.id)
        return claim

    def _settled(
        self, settlement: Settlement, following: ClaimRequest | None, patience_s: float
    ) -> tuple[Verdict, Claim | None]:
        deadline, pause_s = time.monotonic() + patience_s, 0.05
        following = following.first() if following is not None else None
        while True:
            try:
                return self.broker.settle(settlement, following)
            except StoreUnavailable as error:
                if time.monotonic() >= deadline:
                    raise
                _logger.warning("the settlement of job %s waits for Redis: %s", settlement.id, error)
                following = following.again() if following is not None else None
                time.sleep(pause_s)
                pause_s = min(2.0, pause_s * 2)

    def release(self, claim: Claim, reason: str) -> None:
        """Hand a claimed job back to its place in line, without spending an attempt."""
        unit = self.held.get(claim.id)
        if unit is not None and unit.claim.token != claim.token:
            unit = None
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
        if unit is not None:
            self.held.drop(unit)
        try:
            self.broker.settle(release)
        except StorageError as error:
            _logger.warning("job %s could not be handed back and waits for the end of its lease: %s", claim.id, error)

    def notify_interrupted_tasks(self) -> None:
        super().notify_interrupted_tasks()
        for unit in self.held.all():
            self.release(unit.claim, "its consumer was stopped")

    def current_stop(self) -> Stop | None:
        """How the task that this thread runs is told to end."""
        unit = self._units.now
        return unit.stop if unit is not None else None

    def give_up(self, unit: Unit) -> None:
        """Record the end of a task that does not obey, in its place: its process is about to be ended."""
        said = f"timeout ({unit.task.timeout}s); it went on for {self.grace_s:g}s more and was ended"
        self._end_from_outside(unit, unit.stop.asked, said)
        try:
            self.broker.settle(unit.settlement())
        except StorageError as error:
            _logger.warning("the end of job %s is recorded when its lease ends: %s", unit.claim.id, error)

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
            # Without Huey's own alarm: it could go off while our interruption is on its way, and take its place.
            with unit.task_code(task.timeout):
                yield
        except TimedOut as error:
            unit.error = TaskTimeout(f"timeout ({task.timeout}s)")
            raise unit.error from error
        except CalledOff as error:
            unit.called_off = True
            raise CancelExecution(retry=False) from error
        except SystemExit as error:
            unit.error = TaskExited(f"the task called sys.exit({error.code!r})")
            raise unit.error from error
        except KeyboardInterrupt as error:
            if _is_signal(error):
                raise  # the consumer stops: the job goes back unspent
            unit.error = TaskExited("the task raised KeyboardInterrupt")
            raise unit.error from error
        except Exception as error:
            unit.error = error
            if isinstance(error, Permanent):
                task.retries = 0
                unit.reason = "not tried again: it can not get better"
            raise

    def _emit(self, signal: str, task: Any, *args: Any, **kwargs: Any) -> None:
        unit = self._unit_of(task)
        if unit is not None and signal in CANCELS:
            unit.end("canceled", unit.reason if unit.called_off else CANCELS[signal])
        elif unit is not None and signal == signals.SIGNAL_INTERRUPTED:
            unit.release = True
            unit.end("queued", "its worker was stopped")
        super()._emit(signal, task, *args, **kwargs)

    def _run_post_execute(self, task: Any, task_value: Any, exception: BaseException | None) -> None:
        unit = self._unit_of(task)
        if unit is not None and exception is None and task_value is not None:
            unit.result = self.serializer.serialize(task_value)  # for the record, also of tasks that store no result
        if unit is not None and isinstance(exception, Exception) and unit.error is None and not unit.called_off:
            unit.error = exception  # one that came when the task's own code had been left already
        super()._run_post_execute(task, task_value, exception)

    def build_error_result(self, task: Any, exception: BaseException) -> dict[str, Any]:
        """What callers get for a failed job: bounded, and storable whatever the error says."""
        try:
            found: dict[str, Any] = super().build_error_result(task, exception)
        except Exception:  # noqa: BLE001 - an exception whose own __repr__ or __str__ fails
            found = {"error": text_of(exception), "retries": task.retries, "task_id": task.id}
            found["traceback"] = traceback_of(exception)
        return {name: storable(value) if isinstance(value, str) else value for name, value in found.items()}

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
            delay_s, task.retry_delay = retry.delays(task, task.id, unit.claim.attempt)
        if isinstance(unit.error, Transient):
            delay_s = max(delay_s, unit.error.retry_after_s)
        unit.retries_left, unit.retry_delay_s = task.retries, retry.seconds(task.retry_delay)
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
        self._write([("join", cc.cid, cc.idx, cc.size, self.serializer.serialize(value))])

    def _abort_chord_member(self, task: Any, value: Any) -> None:
        if not self._keeps_books:
            super()._abort_chord_member(task, value)
            return
        for one in chain_of(task):
            if one.chord_config is not None:
                config = one.chord_config
                self._write([("miss", config.cid, config.idx, config.size, self.serializer.serialize(value))])
                return


def _is_signal(error: KeyboardInterrupt) -> bool:
    """Whether the consumer's own signal handler raised this, not the task."""
    inner = error.__traceback__
    while inner is not None and inner.tb_next is not None:
        inner = inner.tb_next
    return inner is not None and inner.tb_frame.f_code.co_filename.endswith("huey/consumer.py")
