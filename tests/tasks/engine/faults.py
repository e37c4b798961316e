"""Faults at the broker's seam: a call that fails before it happens, or happens and loses its reply."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from storage.broker.broker import Broker
from tests.servers import wait_until
from tests.tasks.engine.conftest import Shop

When = Literal["before", "after"]


class Faults:
    """Breaks the next calls of one script, and says how many it broke."""

    def __init__(self, when: When, script: str, times: int) -> None:
        self.when = when
        self.script = script
        self.left = times
        self.fired = 0


@contextmanager
def broken(broker: Broker, script: str, when: When, times: int = 1) -> Iterator[Faults]:
    """While in the block, the next `times` runs of a script lose their connection, before or after Redis ran them."""
    faults = Faults(when, script, times)
    client = type(broker.client)
    real: Callable[..., Any] = client.evalsha
    shas = broker._scripts._shas
    broker._scripts._load(script)

    def evalsha(self: Any, sha: str, *args: Any) -> Any:
        if sha != shas.get(script) or faults.left == 0:
            return real(self, sha, *args)
        faults.left -= 1
        faults.fired += 1
        if faults.when == "after":
            real(self, sha, *args)
        raise RedisConnectionError(f"the connection was cut {faults.when} {script}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "evalsha", evalsha)
        yield faults
    assert faults.fired, f"the fault of {script} was never met"


def crash_all(shop: Shop, times: int) -> None:
    """Let a worker die on every job in line, again and again."""
    for _ in range(times):
        request = shop.huey.claim_request("doomed")
        while shop.huey.broker.claim(type(request)(request.consumer, "doomed", 1, request.queues)) is not None:
            pass
        wait_until(lambda: bool(shop.huey.broker.reap(crashes_allowed=3)), "the leases of the doomed have ended")
