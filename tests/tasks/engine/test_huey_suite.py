"""Huey's own tests, which ship in its package, run against our storage and our Huey class.

Each one that is left out is in ``SKIPS`` with its reason.
"""

import logging
import random
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from huey.tests import test_api, test_priority, test_signals, test_storage, test_wrappers
from huey.tests import test_registry as registry_tests
from huey.tests.base import BaseTestCase

from tasks.engine.huey import DeweyHuey

SKIPS: dict[str, str] = {}


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
        return self.make_huey()

    def make_huey(self, **options: Any) -> DeweyHuey:
        options.setdefault("utc", False)
        huey = DeweyHuey(f"suite{random.randrange(10**9)}", url=self.redis_url, **options)
        self.hueys.append(huey)
        return huey


def _skipped(case: type, name: str) -> bool:
    return f"{case.__name__}.{name}" in SKIPS


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


for _module in (test_api, test_priority, test_signals, test_wrappers, registry_tests):
    _adopt(_module)


class TestDeweyStorage(OnDewey, test_storage.StorageTests, BaseTestCase):  # type: ignore[misc]  # huey has no types
    """Huey's storage tests."""

    def get_huey(self) -> Any:
        return self.make_huey()
