"""What a Huey on the books is made of: its Redis, storage and tasks. launch.py launches jobs, huey.py runs them."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import redis
from huey.api import Huey, TaskWrapper, group
from huey.exceptions import ConfigurationError
from huey.utils import normalize_time

from storage.broker.broker import Broker
from storage.broker.connection import connect
from storage.broker.records import TaskInfo
from storage.broker.requests import Bounds
from storage.broker.timetable import Schedule
from storage.redaction import Redactor
from tasks.engine import registry, retry, unique
from tasks.engine.assignment import Assignment, History
from tasks.engine.codec import TypedJson
from tasks.engine.consumer import DeweyConsumer
from tasks.engine.held import Held
from tasks.engine.messages import PER_CALL, CallRegistry
from tasks.engine.storage import DeweyStorage
from tasks.engine.unit import Units

MIN_PATIENCE_S, MAX_PATIENCE_S = 2.0, 10.0


class BookedHuey(Huey):  # type: ignore[misc]  # huey has no types
    """A Huey whose storage is the broker, unless it is in immediate mode."""

    def __init__(  # noqa: PLR0913 - its options, each with a default
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
        grace_s: float = 5.0,
        max_memory_bytes: int = 0,
        keep_alive: Callable[[], object] | None = None,
        redactor: Redactor | None = None,
        history: History | None = None,
        **options: Any,
    ) -> None:
        if url and connection_pool:
            raise ConfigurationError("name the Redis once: url or connection_pool, not both")
        if connection_pool and connection_pool.connection_kwargs.get("decode_responses"):
            raise ConfigurationError("the connection_pool decodes responses, but jobs are bytes: leave that off")
        self.lease_s = lease_s
        self.queues = tuple(queues)
        self.crashes_allowed = crashes_allowed
        self.bounds = bounds
        self.read_timeout_s = read_timeout_s
        self.grace_s = grace_s
        self.max_memory_bytes = max_memory_bytes
        self.keep_alive = keep_alive
        self.redactor = redactor or Redactor()
        if history and connection_pool:
            raise ConfigurationError("a recorder finds its Redis by url=, not by a connection_pool")
        self.history = history
        self._url = url or "redis://localhost:6379/0"
        self._pool = connection_pool
        self._units = Units()
        self.held = Held()
        options.setdefault("serializer", TypedJson())
        super().__init__(name, **options)
        self._registry = CallRegistry()

    # -- parts -------------------------------------------------------------------------------------------------

    def get_storage(self, **unknown: Any) -> DeweyStorage:
        if unknown:
            raise ConfigurationError(f"unknown options {sorted(unknown)}: a DeweyHuey finds its Redis by url=")
        return DeweyStorage(self.name, self._open_books, self._units, self.instant_ms)

    def _open_books(self) -> Broker:
        url = self.redis_url
        client = redis.Redis(connection_pool=self._pool) if self._pool else connect(url, timeout_s=self._patience_s)
        return Broker(client, self.name, self.bounds)

    @property
    def redis_url(self) -> str:
        """The address of its Redis, when it has one."""
        return self._url() if callable(self._url) else self._url

    def assignment(self) -> Assignment:
        """What a recorder of its jobs has to do. Raises ConfigurationError when it was given no history."""
        if self.history is None:
            raise ConfigurationError("this Huey keeps no history: make it with history=History(...)")
        url = self.history.database_url
        return Assignment(
            *(self.redis_url, url() if callable(url) else url, self.name, self.history.events_waiting),
            *(self.history.ages, self.redactor.keys, self.redactor.patterns),
        )

    @property
    def _patience_s(self) -> float:
        """Seconds that a silent connection is waited for: less than a lease, so that a heart beats again in time."""
        return max(MIN_PATIENCE_S, self.read_timeout_s + 0.5, min(MAX_PATIENCE_S, self.lease_s / 2))

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
        """Huey's decorator, with more: ``queue="email"`` names the queue of the task's jobs, ``lifo=True`` puts the
        newest first, ``unique``, ``unique_for`` and ``on_conflict`` keep one job of a kind (see unique.py), and
        ``retry_jitter`` and ``retry_max_delay`` say more of how long a retry waits (see retry.py)."""
        unique.check(settings)
        retry.check(settings)
        return cast(Callable[[Callable[..., Any]], Any], super().task(*args, **settings))

    def periodic_task(self, validate_datetime: Any, *args: Any, **settings: Any) -> Callable[[Callable[..., Any]], Any]:
        """Huey's decorator; takes ``cron("0 * * * *", timezone="Europe/Paris")`` as well as Huey's ``crontab()``."""
        if isinstance(validate_datetime, Schedule):
            settings["schedule"] = validate_datetime
        retry.check(settings)
        made = super().periodic_task(validate_datetime, *args, **settings)
        return cast(Callable[[Callable[..., Any]], Any], made)

    def task_infos(self) -> list[TaskInfo]:
        """What this process knows of its tasks, for the console."""
        classes = sorted(self._registry._registry.items())
        return [registry.describe(name, one, getattr(one, "function", None), utc=self.utc) for name, one in classes]


class DeweyTaskWrapper(TaskWrapper):  # type: ignore[misc]  # huey has no types
    """Keeps the function with its task class, so that its signature can be published."""

    def create_task(self, func: Any, context: bool = False, name: str | None = None, **settings: Any) -> Any:
        return super().create_task(func, context, name, function=staticmethod(func), **settings)

    def schedule(self, args: Any = None, kwargs: Any = None, eta: Any = None, delay: Any = None, **options: Any) -> Any:
        if isinstance(args, datetime) and eta is None and delay is None:
            args, eta = None, args
        settings = self._settings(options)
        if not settings:
            return super().schedule(args, kwargs, self._exact(eta), delay, **options)
        if eta is None and delay is None:
            args, delay = None, args
        if not isinstance(delay, int | float | timedelta | None) or (eta is None and delay is None):
            raise ValueError("schedule() needs eta= or delay=")
        due = normalize_time(self._exact(eta), retry.seconds(delay) if delay is not None else None, self.huey.utc)
        task = self.task_class(args or (), kwargs or {}, eta=due, **options)
        vars(task).update(settings)
        return self.huey.enqueue(task)

    def s(self, *args: Any, **kwargs: Any) -> Any:
        """Huey's, and with ``retry_jitter`` and ``retry_max_delay`` for this one job. Raises ConfigurationError."""
        if "eta" in kwargs:
            kwargs["eta"] = self._exact(kwargs["eta"])
        settings = self._settings(kwargs)
        task = super().s(*args, **kwargs)
        vars(task).update(settings)
        return task

    def _settings(self, given: dict[str, Any]) -> dict[str, Any]:
        """Take what a call says of its own retries out of its options. Raises ConfigurationError."""
        if not any(name in given for name in PER_CALL):  # nearly every call
            return {}
        settings = {name: given.pop(name) for name in PER_CALL if name in given}
        retry.check(settings)
        return {name: value for name, value in settings.items() if value is not None}

    def _exact(self, eta: Any) -> Any:
        """Huey cuts a local time to whole seconds, and its job would start early; one with a zone it takes as it is."""
        local = isinstance(eta, datetime) and eta.tzinfo is None and self.huey.utc
        return eta.astimezone() if local else eta

    def map(self, it: Any) -> Any:
        """A job for each item, all of them in as few round trips as a group."""
        results = self.huey.enqueue(group(self._apply(it)))
        return results if self.huey.results else None
