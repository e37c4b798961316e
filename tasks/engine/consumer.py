"""Huey's consumer with our workers and scheduler: ``huey_consumer`` builds it through ``DeweyHuey.create_consumer``.

A worker settles a job and claims the next one in the same round trip. The scheduler promotes due jobs, takes back
the jobs of lost workers, enqueues the ticks of schedules and forgets old jobs; every consumer has one, and any number
of them agree.
"""

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from multiprocessing.sharedctypes import RawArray, RawValue
from typing import Any

from huey.constants import WORKER_PROCESS, WORKER_THREAD
from huey.consumer import Consumer, ConsumerStopped, Scheduler, Worker, WorkerRecycle
from huey.exceptions import ConfigurationError

from storage.broker.custody import Custody
from storage.broker.reconciler import Reconciler
from storage.broker.requests import BATCH, Claim, ClaimRequest
from storage.errors import StorageError
from tasks.engine import burial, heartbeat, logcapture, preflight, registry
from tasks.engine.cron import Clock
from tasks.engine.heartbeat import Heart, host
from tasks.engine.interrupt import Watch, install_signal
from tasks.engine.recording import Recording

_logger = logging.getLogger(__name__)

RETAIN_BATCHES = 20
PUBLISH_EVERY_S = 60.0
STUCK_S = 1.0
"""How long after its grace a process worker that does not end itself is ended by its consumer."""
HEALTH_S = 1.0
"""A worker that is gone is replaced within this time."""


class Process:
    """What every process of a consumer has once: its heart and its shipper of logs. Started again after a fork."""

    def __init__(self, huey: Any, kind: str, workers: int) -> None:
        self._huey = huey
        self._kind = kind
        self._workers = workers
        self._main_pid = os.getpid()
        self._pid = 0
        self._lock = threading.Lock()
        self._heart: Heart | None = None
        self._shipper: logcapture.Shipper | None = None
        self._watch: Watch | None = None
        self._quiet = threading.Event()
        # Shared with forked workers: whether to stop, and by when each worker's task must have ended (0: none runs).
        self._stop_ordered = RawValue("b", 0)
        self.due_by = RawArray("d", workers)

    @property
    def consumer_id(self) -> str:
        """The consumer's name, shared by all its processes."""
        return f"{host()}:{self._main_pid}"

    def start(self) -> None:
        """Start the threads of this process, once."""
        with self._lock:
            if self._pid == os.getpid():
                return
            self._pid = os.getpid()
            logcapture.install()
            fields = {
                "pid": str(self._main_pid),
                "kind": self._kind,
                "workers": str(self._workers),
                "queues": ",".join(self._huey.queues),
                "version": version("dewey"),
            }
            self._heart = Heart(
                self._huey.broker,
                self.consumer_id,
                self._huey.lease_s,
                self._huey.held,
                self._obey,
                self._huey.keep_alive,
                fields,
            )
            self._shipper = logcapture.Shipper(self._huey.broker, self._huey.held.running)
            end = self._end_process if self.forked else None
            self._watch = Watch(self._huey.held.all, self._huey.grace_s, end)
            for thread in (self._heart, self._shipper, self._watch):
                thread.start()

    @property
    def forked(self) -> bool:
        """Whether this is a worker process, which its consumer replaces when it ends."""
        return os.getpid() != self._main_pid

    def orphaned(self) -> bool:
        """Whether this is a worker process whose consumer is gone (killed): it must not go on without one."""
        return self.forked and os.getppid() != self._main_pid

    def check(self) -> None:
        """End this process when it is orphaned. Raises KeyboardInterrupt, which Huey's loop takes as a quiet end."""
        if self.orphaned():
            _logger.warning("the consumer of process %s is gone: the process ends", os.getpid())
            raise KeyboardInterrupt

    def _obey(self, order: str) -> None:
        """An operator's order from afar, heard with a heartbeat."""
        if order and not self._quiet.is_set():
            _logger.info("ordered from afar: %s; this consumer claims nothing more", order)
        if order:
            self._quiet.set()
        else:
            self._quiet.clear()
        if order == "stop":
            self._stop_ordered.value = 1

    @property
    def quiet(self) -> bool:
        """Whether this consumer was told to claim nothing more."""
        return self._quiet.is_set()

    @property
    def stop_ordered(self) -> bool:
        """Whether this consumer was told to stop."""
        return bool(self._stop_ordered.value)

    def _end_process(self, unit: Any) -> None:
        """A task of this process worker goes on beyond its grace: its end is recorded, then the process is gone."""
        self._huey.give_up(unit)
        os.kill(os.getpid(), signal.SIGKILL)

    def stop(self) -> None:
        """Stop the threads of this process."""
        for thread in (self._heart, self._shipper, self._watch):
            if thread is not None and thread.is_alive():
                thread.stop()


class DeweyWorker(Worker):  # type: ignore[misc]  # huey has no types
    """Runs one job at a time; between two jobs it spends one round trip."""

    process: Process

    def initialize(self) -> None:
        self.process.start()
        parent = multiprocessing.parent_process()
        name = threading.current_thread().name if parent is None else multiprocessing.current_process().name
        if parent is not None:
            install_signal(self.huey.current_stop)
        self._place = int(name.rpartition("-")[2]) - 1
        self.process.due_by[self._place] = 0  # what the worker that was here before was due by, if it was killed
        self._request = self.huey.claim_request(f"{host()}:{os.getpid()}/{name}")
        self._claim: Claim | None = None
        self._unanswered: ClaimRequest | None = None
        self.huey.broker.keep_connection()
        super().initialize()

    def loop(self, now: Any = None) -> None:
        self.process.check()
        claim, self._claim = self._claim, None
        if claim is None and self.process.quiet:
            self.stop_flag.wait(self.huey.read_timeout_s)
            return
        if claim is None:
            claim = self._wait()
        if claim is None:
            return
        self.task_count += 1
        full = bool(self.max_tasks) and self.task_count >= self.max_tasks
        unit, task = self.huey.open(claim)
        if task is not None:
            with self._due_by(task.timeout):
                self.huey.perform(unit, task, now)
            stop = full or self.stop_flag.is_set() or self.process.quiet or self.process.orphaned()
            self._claim = self.huey.settle(unit, None if stop else self._request)
        if full:
            self._logger.info("Worker reached max tasks (%d), exiting.", self.max_tasks)
            raise WorkerRecycle
        most = self.huey.max_memory_bytes
        if most and self.process.forked and heartbeat.memory_bytes() > most:
            self._logger.info("Worker has %d bytes of memory, more than %d, exiting.", heartbeat.memory_bytes(), most)
            raise WorkerRecycle

    @contextmanager
    def _due_by(self, timeout_s: float | None) -> Iterator[None]:
        """For the consumer to see when this worker is stuck where even its own threads do not run."""
        if timeout_s:
            self.process.due_by[self._place] = time.monotonic() + timeout_s + self.huey.grace_s + STUCK_S
        try:
            yield
        finally:
            self.process.due_by[self._place] = 0

    def _wait(self) -> Claim | None:
        request = self._unanswered or self._request.first()
        self._unanswered = request.again()  # until its answer is here: it may have started a job
        try:
            claim: Claim | None = self.huey.broker.claim(request, self.huey.read_timeout_s)
        except StorageError as error:
            self._logger.warning("no jobs for now: %s", error)
            self.sleep()
            return None
        self._unanswered = None
        self.delay = self.default_delay
        return claim

    def shutdown(self) -> None:
        claim, self._claim = getattr(self, "_claim", None), None
        if claim is not None:
            self.huey.release(claim, "its worker was stopped before it began")
        super().shutdown()


class DeweyScheduler(Scheduler):  # type: ignore[misc]  # huey has no types
    """Upkeep, at least once per interval and as soon as a job is due."""

    process: Process

    def initialize(self) -> None:
        self._clock = Clock(self.huey.broker, self.huey.storage.inspector.clock_ms)
        self._publish_at = time.monotonic() + PUBLISH_EVERY_S
        self._reap_at = 0.0
        self._reconciler = Reconciler(self.huey.broker)
        self._custody = Custody(self.huey.broker)

    def loop(self, now: Any = None) -> None:  # noqa: ARG002 - Redis's clock is the only one here
        self.process.check()
        start = time.monotonic()
        wait_s: float | None = None
        try:
            wait_s = self._upkeep()
        except StorageError as error:
            self._logger.warning("upkeep waits for Redis: %s", error)
            # Nobody could renew a lease meanwhile: the living beat first, then the jobs of the dead are taken back.
            self._reap_at = time.monotonic() + self.huey.lease_s / 2
        left_s = self.interval - (time.monotonic() - start)
        if wait_s is not None:
            left_s = min(left_s, wait_s)
        self.stop_flag.wait(max(0.01, left_s))

    def _upkeep(self) -> float | None:
        broker = self.huey.broker
        if time.monotonic() >= self._publish_at:
            registry.publish(broker, self.huey.task_infos())
            self._publish_at = time.monotonic() + PUBLISH_EVERY_S
        moved, wait_s = broker.promote()
        if time.monotonic() >= self._reap_at:
            self._reap()
        burial.tell(self.huey)
        if self.periodic:
            self._clock.run(self.huey.entries())
        self._tend()
        self._reconciler.step()
        for _ in range(RETAIN_BATCHES):
            if broker.retain() < BATCH:
                break
        return 0.0 if moved >= BATCH else wait_s

    def _tend(self) -> None:
        tended = self._custody.tend()
        for queue in tended.resumed:
            self._logger.info("the pause of queue %s is over", queue)
        for canary, state in tended.canaries.items():
            self._logger.info("canary %s is %s", canary, state)

    def _reap(self) -> None:
        for reaped in self.huey.broker.reap(crashes_allowed=self.huey.crashes_allowed):
            end = "is buried" if reaped.buried else "goes back to its queue"
            self._logger.warning(
                "job %s lost its worker %s (crash %s) and %s", reaped.id, reaped.worker, reaped.crashes, end
            )


class DeweyConsumer(Consumer):  # type: ignore[misc]  # huey has no types
    """Huey's consumer, with our workers and scheduler."""

    worker_class = DeweyWorker
    scheduler_class = DeweyScheduler

    def __init__(self, huey: Any, **options: Any) -> None:
        kind = options.get("worker_type", WORKER_THREAD)
        if kind not in (WORKER_THREAD, WORKER_PROCESS):
            raise ConfigurationError(f"workers of kind {kind!r} are not supported: use -k thread or -k process")
        self.process = Process(huey, options.get("worker_type", "thread"), options.get("workers", 1))
        options["health_check_interval"] = min(float(options.get("health_check_interval", 10)), HEALTH_S)
        super().__init__(huey, **options)
        self._recording = Recording(huey.assignment) if huey.history else None
        _share_the_log()

    def _create_worker(self) -> DeweyWorker:
        worker: DeweyWorker = super()._create_worker()
        worker.process = self.process
        return worker

    def _create_scheduler(self) -> DeweyScheduler:
        scheduler: DeweyScheduler = super()._create_scheduler()
        scheduler.process = self.process
        return scheduler

    def start(self) -> None:
        if not self.huey.immediate:
            preflight.check(self.huey.broker, self.workers)
            try:
                registry.publish(self.huey.broker, self.huey.task_infos())
            except StorageError as error:
                _logger.warning("the tasks are published later: %s", error)
        super().start()

    def loop(self, health_check_ts: float | None = None) -> float | None:
        if self.process.stop_ordered:
            _logger.info("stopping, as ordered from afar")
            self.stop(graceful=True)
            raise ConsumerStopped
        if self.environment.forks:
            self._end_stuck_workers()
        if self._recording:
            self._recording.tend()
        checked_at: float | None = super().loop(health_check_ts)
        return checked_at

    def _end_stuck_workers(self) -> None:
        """End process workers that are stuck in a call that lets nothing else in them run."""
        for place, (_, process) in enumerate(self.worker_threads):
            if 0 < self.process.due_by[place] < time.monotonic():
                self.process.due_by[place] = 0
                _logger.warning("worker %s (pid %s) is stuck beyond its timeout and is ended", place + 1, process.pid)
                process.kill()

    def run(self) -> None:
        try:
            super().run()
        finally:
            self.process.stop()
            if self._recording:
                self._recording.stop()
            try:
                self.huey.broker.leave(self.process.consumer_id)
            except StorageError as error:
                _logger.warning("this consumer is shown until its last beat is old: %s", error)


def _share_the_log() -> None:
    """What the engine says goes where Huey's consumer writes, unless the application has a log of its own."""
    huey, ours = logging.getLogger("huey"), logging.getLogger("tasks.engine")
    if not logging.getLogger().handlers and not ours.handlers:
        for handler in huey.handlers:
            ours.addHandler(handler)
        ours.setLevel(huey.level)
