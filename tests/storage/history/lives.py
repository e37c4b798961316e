"""Puts jobs through their lives at the broker, as consumers do."""

import itertools

from storage.broker.broker import Broker
from storage.broker.records import NewJob
from storage.broker.requests import Claim, ClaimRequest, Note, Settlement

REQUEST = ClaimRequest("host:1", "host:1/Worker-1", 60_000)


class Lives:
    """Jobs of one namespace."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._ids = (f"job-{number}" for number in itertools.count(1))

    def add(self, **fields: object) -> str:
        """Enqueue one job; answers its id."""
        job_id = str(fields.pop("id", "") or next(self._ids))
        table = {"task": "t.work", "queue": "default", "payload": b"{}", **fields}
        self._broker.enqueue([NewJob(id=job_id, **table)])  # type: ignore[arg-type]  # a test's own mix of fields
        return job_id

    def claim(self, request: ClaimRequest = REQUEST) -> Claim:
        """Start the next job."""
        claim = self._broker.claim(request)
        assert claim is not None
        return claim

    def settle(self, claim: Claim, state: str, outcome: str = "", **fields: object) -> None:
        """End an attempt."""
        end = Settlement(claim.id, claim.token, state, outcome or state, 0, **fields)  # type: ignore[arg-type]  # as above
        assert self._broker.settle(end)[0] == "settled"

    def succeed(self, **fields: object) -> str:
        """A job that is enqueued, runs and succeeds."""
        job_id = self.add(**fields)
        self.settle(self.claim(), "succeeded", result=b"7")
        return job_id

    def fail(self, *, state: str = "dead", error: str = "no such user 7", **fields: object) -> str:
        """A job whose attempt fails."""
        job_id = self.add(**fields)
        self.settle(
            *(self.claim(), state, "failed"),
            error_type="KeyError",
            error=error,
            traceback="Traceback\n  here",
            fingerprint="f1",
            shape="no such user #",
        )
        return job_id

    def log(self, claim: Claim, *lines: bytes) -> None:
        """A running job logs lines."""
        assert self._broker.note([Note(claim.id, claim.token, lines=lines)]) == []
