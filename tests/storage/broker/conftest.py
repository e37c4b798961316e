"""A broker on real Redis, and short ways to put jobs in it, to let them end, and to ask why one does not run."""

import uuid
from collections.abc import Callable

import pytest
import redis

from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.broker.records import STATES, NewJob, State
from storage.broker.requests import Beat, Claim, ClaimRequest, Settlement
from storage.broker.why import Reason
from storage.values import replace

REQUEST = ClaimRequest("host:1", "host:1/Worker-1", 60_000)


@pytest.fixture
def broker(redis_client: "redis.Redis", namespace: str) -> Broker:
    return Broker(redis_client, namespace)


@pytest.fixture
def inspector(redis_client: "redis.Redis", namespace: str) -> Inspector:
    return Inspector(redis_client, namespace)


@pytest.fixture
def add(broker: Broker) -> Callable[..., str]:
    """Enqueue one job; answers its id."""

    def _add(**fields: object) -> str:
        job_id = str(fields.pop("id", uuid.uuid4()))
        table = {"task": "t.work", "queue": "default", "payload": b"{}", **fields}
        broker.enqueue([NewJob(id=job_id, **table)])  # type: ignore[arg-type]  # a test's own mix of fields
        return job_id

    return _add


@pytest.fixture
def consumer(broker: Broker) -> Callable[..., None]:
    """A consumer beats: its id, its number of workers and the queues it serves."""

    def beat(name: str = "host:1", workers: int = 1, queues: str = "") -> None:
        fields = {"workers": str(workers), "queues": queues, "host": "host", f"running:{name.rpartition(':')[2]}": ""}
        broker.heartbeat(Beat(name, 60_000, (), fields, name.rpartition(":")[2]))

    return beat


@pytest.fixture
def why(inspector: Inspector) -> Callable[[str], dict[str, Reason]]:
    """The reasons of a job, by kind, in their order."""
    return lambda job_id: {reason.kind: reason for reason in inspector.why(job_id).reasons}


def done(claim: Claim | None, state: str = "succeeded", **fields: object) -> Settlement:
    assert claim is not None
    outcome = "succeeded" if state == "succeeded" else "failed"
    return Settlement(claim.id, claim.token, state, outcome, 0, **fields)  # type: ignore[arg-type]  # a test's own mix


def claimed(broker: Broker, request: ClaimRequest = REQUEST) -> Claim:
    claim = broker.claim(request)
    assert claim is not None
    return claim


def settlement(claim: Claim, state: State = "succeeded", **fields: object) -> Settlement:
    outcome = {"succeeded": "succeeded", "canceled": "canceled"}.get(state, "failed")
    return replace(Settlement(claim.id, claim.token, state, outcome, claim.retries_left), **fields)  # type: ignore[arg-type]


def places(broker: Broker, queue: str, job_id: str) -> list[str]:
    keys = broker.keys
    return [state for state in STATES if broker.client.zscore(keys.index(queue, state), job_id) is not None]
