"""A DeweyHuey on real Redis, short ways to run what waits in it, and a flow whose steps can be broken."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from storage.broker.inspector import Inspector
from storage.broker.records import Job
from storage.broker.requests import Claim
from tasks.engine.context import current_job
from tasks.engine.flows import Flow, node
from tasks.engine.huey import DeweyHuey


def typed(decorator: Any) -> Callable[[Any], Any]:
    """One of Huey's own decorators, which have no types."""
    return decorator  # type: ignore[no-any-return]  # that is the point


def attempt() -> int:
    """The number of the attempt that this thread runs."""
    job = current_job()
    assert job is not None, "this thread runs a job"
    return job.attempt


class Shop:
    """An application's Huey, with a worker that runs in this thread."""

    def __init__(self, huey: DeweyHuey) -> None:
        self.huey = huey

    @property
    def inspector(self) -> Inspector:
        found: Inspector = self.huey.storage.inspector
        return found

    def job(self, handle: Any) -> Job:
        return self.inspector.job(handle if isinstance(handle, str) else handle.id)

    def claim(self) -> Claim:
        found = self.huey.broker.claim(self.huey.claim_request("test"))
        assert found is not None, "a job waits"
        return found

    def run_one(self) -> Any:
        """Claim the first job in line and run it to its settlement; answers its value."""
        unit, task = self.huey.open(self.claim())
        value = self.huey.perform(unit, task) if task is not None else None
        if task is not None:
            self.huey.settle(unit)
        return value

    def run_all(self) -> int:
        """Run what waits in line until nothing does; answers how many attempts that took."""
        count = 0
        while self.inspector.count(("queued",)):
            self.run_one()
            count += 1
        return count

    def make_due(self, handle: Any) -> None:
        """Let the waiting time of a scheduled or retrying job be over."""
        job = self.job(handle)
        key = self.huey.broker.keys.index(job.queue, job.state)
        self.huey.broker.client.zadd(key, {job.id: 1}, xx=True)
        self.huey.broker.promote()

    def wait_s(self, handle: Any) -> float:
        """Seconds from now, on Redis's clock, until a job is due."""
        run_at = self.job(handle).run_at
        assert run_at is not None, "the job has an instant to wait for"
        return run_at.timestamp() - self.inspector.clock_ms() / 1000

    def pause_s(self, handle: Any) -> float:
        """Seconds between a job's last attempt and its next, both as Redis wrote them in one step: exact under load."""
        job = self.job(handle)
        ended_at = job.attempts[-1].finished_at
        assert job.run_at is not None, "the job has an instant to wait for"
        assert ended_at is not None, "its last attempt has ended"
        return (job.run_at - ended_at).total_seconds()

    def data(self) -> set[str]:
        """The keys of Huey's key/value store."""
        return {key.decode() for key in self.huey.broker.call("hkeys", self.huey.broker.keys.data)}


@pytest.fixture
def make_shop(redis_url: str, redis_client: "redis.Redis", namespace: str) -> Iterator[Callable[..., Shop]]:
    """Make an application's Huey in this test's namespace; all of them are closed afterwards."""
    made: list[DeweyHuey] = []

    def make(**options: Any) -> Shop:
        huey = DeweyHuey(namespace, **({"url": redis_url} | options))
        made.append(huey)
        return Shop(huey)

    yield make
    for huey in made:
        huey.storage.close()


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    return make_shop()


class Order:
    """The flow that an order goes through; its tasks fail when their names are in ``broken``."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.broken: set[str] = set()
        self.seen: dict[str, Any] = {}

        def step(name: str, queue: str) -> Any:
            def run(order: int, values: Any = None) -> str:
                if name in self.broken:
                    raise ValueError(f"{name} is broken")
                self.seen[name] = values
                return f"{name} {order}"

            return shop.huey.task(queue=queue, name=name)(run)

        self.complete = step("complete_order", "orders")
        self.validate = step("validate_inventory", "stock")
        self.reserve = step("reserve_shipping", "shipping")
        self.pay = step("process_payment", "payments")
        self.check = step("validate_payment_method", "payments")

    def launch(self, **policies: Any) -> Flow:
        payment = node(self.pay.s(7), self.check.s(7), **policies)
        return self.shop.huey.launch(
            node(self.complete.s(7), self.validate.s(7), self.reserve.s(7), payment, **policies)
        )

    def states(self, flow: Flow) -> dict[str, str]:
        jobs = [self.shop.job(handle) for handle in flow.walk()]
        return {job.task.rpartition(".")[2]: job.state for job in jobs}


@pytest.fixture
def order(shop: Shop) -> Order:
    return Order(shop)
