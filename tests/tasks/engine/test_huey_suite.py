"""Huey's own tests, which ship in its package, run against our storage and our Huey class.

Each one that is left out is in ``SKIPS`` with its reason.
"""

import os
import random
from collections.abc import Iterator
from typing import Any

os.environ["HUEY_SLOW_TESTS"] = "1"

import pytest
import redis
from huey.tests import test_api, test_priority, test_signals, test_storage
from huey.tests import test_registry as registry_tests
from huey.tests.base import BaseTestCase

from tasks.engine.huey import DeweyHuey

_DELAYED = "a delayed task is `scheduled` at once; stock Huey puts it in the queue first, for a worker to move"
_JOINED = "the callback is enqueued inside Redis, by the settlement of its last member"

SKIPS = {
    "TestQueue.test_scheduling": _DELAYED,
    "TestQueue.test_schedule_s": _DELAYED,
    "TestQueue.test_reschedule": _DELAYED,
    "TestQueue.test_scheduling_expires": _DELAYED,
    "TestDecorators.test_task_id": _DELAYED,
    "TestChordPrimitive.test_chord_scheduling": _DELAYED,
    "TestStorageWrappers.test_storage_wrappers": _DELAYED,
    "TestPriority.test_schedule_priority": _DELAYED,
    "TestSignals.test_signals_simple": _DELAYED,
    "TestQueue.test_pending_scheduled_unregistered": _DELAYED,
    "TestQueue.test_read_schedule": _DELAYED,
    "TestQueue.test_retrytask_eta_delay": "compares an ETA to the microsecond; instants on the books have milliseconds",
    "TestChordPrimitive.test_chord_bookkeeping_cleared": "looks into MemoryStorage's private counters",
    "TestSignals.test_signals_chord": _JOINED,
    "TestSignals.test_signals_chord_error": _JOINED,
}

OPTIONS: dict[str, dict[str, Any]] = {
    "TestDisableResultStore": {"results": False},
    "TestStoreIntermediateErrors": {"store_intermediate_errors": False},
}


class CustomError(DeweyHuey):
    """As that test's own Huey: an application may say more about its errors."""

    def build_error_result(self, task: Any, exception: BaseException) -> dict[str, Any]:
        result: dict[str, Any] = super().build_error_result(task, exception)
        return result | {"name": task.name, "args": task.args}


class OnDewey:
    """Gives Huey's test cases our Huey, each test in a namespace of its own."""

    redis_url: str

    @pytest.fixture(autouse=True)
    def _redis(self, redis_url: str, redis_client: "redis.Redis") -> Iterator[None]:
        self.redis_url = redis_url
        self.hueys: list[DeweyHuey] = []
        yield
        for huey in self.hueys:
            huey.storage.close()

    def get_huey(self) -> Any:
        return self.make_huey(**OPTIONS.get(type(self).__name__, {}))

    def make_huey(self, **options: Any) -> DeweyHuey:
        options.setdefault("utc", False)
        make = CustomError if type(self).__name__ == "TestCustomErrorMetadata" else DeweyHuey
        huey = make(f"suite{random.randrange(10**9)}", url=self.redis_url, **options)
        self.hueys.append(huey)
        return huey


def _adopt(module: Any) -> None:
    for name, case in vars(module).copy().items():
        if not (isinstance(case, type) and issubclass(case, BaseTestCase) and case is not BaseTestCase):
            continue
        if case.__module__ != module.__name__ or (module is test_storage):
            continue
        adopted = type(name, (OnDewey, case), {"__module__": __name__})
        for method in dir(adopted):
            reason = SKIPS.get(f"{name}.{method}")
            if reason:
                setattr(adopted, method, pytest.mark.skip(reason=reason)(getattr(adopted, method)))
        globals()[name] = adopted


for _module in (test_api, test_priority, test_signals, registry_tests):
    _adopt(_module)


class TestDeweyStorage(OnDewey, test_storage.StorageTests, BaseTestCase):  # type: ignore[misc]  # huey has no types
    """Huey's storage tests."""

    def get_huey(self) -> Any:
        return self.make_huey()
