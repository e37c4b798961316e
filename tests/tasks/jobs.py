"""Jobs run for real in this process: on Redis, PostgreSQL and a store of objects, by the engine itself.

What is left out is the consumer: a test says when a job starts. Retries, dead letters, logs and progress are real.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storage import files, users
from storage.broker.inspector import Inspector
from storage.broker.records import Job
from storage.database.connection import Database
from storage.embedded import Endpoints
from storage.files import File, Visibility
from storage.objects import ObjectStore
from storage.secret import Secret
from storage.settings import Settings, describe
from tasks import resources
from tasks.app import huey
from tasks.engine.codec import decode_value
from tasks.engine.logcapture import JobLogHandler
from tasks.ingestion import request_ingestion
from tasks.resources import Resources

CHUNKS = """
    SELECT ordinal, text, start_offset, end_offset, embedding_model, embedding::text FROM chunks
    WHERE file_id = %s ORDER BY ordinal
"""
FIRST_IN_LINE = -(2**52)


SECRETS = frozenset(one.field for one in describe() if one.is_secret)
"""The settings whose values are kept from being shown."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way: its row, and the job that ingests it."""

    file_id: int
    job_id: str


@dataclass(frozen=True, slots=True)
class Rows:
    """All that is kept of a file, but for its times and its number."""

    status: str
    sha256: str | None
    attempt: str | None
    error: str | None
    is_duplicate: bool
    has_object: bool
    chunks: tuple[tuple[Any, ...], ...]


@dataclass
class Jobs:
    """What a test does with jobs. ``base`` are the settings that all its resources share."""

    redis_url: str
    database_url: str
    objects_dir: Path
    base: dict[str, object] = field(default_factory=dict)
    opened: list[Resources] = field(default_factory=list)

    # -- what they work with -----------------------------------------------------------------------------------

    def use(self, **more: object) -> Resources:
        """Work with these settings from now on."""
        told = self.base | more
        values: Mapping[str, Any] = {name: Secret(str(one)) if name in SECRETS else one for name, one in told.items()}
        endpoints = Endpoints(self.redis_url, self.database_url, self.objects_dir, frozenset())
        made = Resources(Settings(**values), endpoints)
        self.opened.append(made)
        resources.use(made)
        return made

    @property
    def database(self) -> Database:
        return resources.current().database

    @property
    def objects(self) -> ObjectStore:
        return resources.current().objects

    @property
    def inspector(self) -> Inspector:
        found: Inspector = huey.storage.inspector
        return found

    # -- their life --------------------------------------------------------------------------------------------

    def drain(self) -> int:
        """Run what is in line until nothing is; answers how many attempts that took."""
        count = 0
        while (task := huey.dequeue()) is not None:
            huey.execute(task)
            count += 1
        return count

    def claim(self, job_id: str) -> Any:
        """Claim one job now, before all others and also when it is to wait; its task, to be executed."""
        job, keys = self.job(job_id), huey.broker.keys
        if job.state != "queued":
            huey.broker.call("zadd", keys.index(job.queue, job.state), {job_id: 0}, xx=True)
            huey.broker.promote()
        huey.broker.call("zadd", keys.index(job.queue, "queued"), {job_id: FIRST_IN_LINE}, xx=True)
        served, huey.queues = huey.queues, (job.queue,)
        try:
            task = huey.dequeue()
        finally:
            huey.queues = served
        assert task is not None, f"job {job_id} does not wait: it is {job.state}"
        assert task.id == job_id
        return task

    def run(self, job_id: str) -> Job:
        """Run one attempt of one job now; the record after it."""
        huey.execute(self.claim(job_id))
        return self.job(job_id)

    def run_to_end(self, job_id: str) -> Job:
        """Run attempts of one job, without its pauses, until it ends."""
        job = self.run(job_id)
        while job.state in ("queued", "retrying"):
            job = self.run(job_id)
        return job

    def job(self, job_id: str) -> Job:
        return self.inspector.job(job_id)

    def only_job(self, task: str) -> Job:
        """The one job of that task, in whatever state."""
        (found,) = [job for job in self.inspector.jobs().jobs if job.task.endswith(f".{task}")]
        return self.job(found.id)

    def result(self, job_id: str) -> Any:
        """What the job answered."""
        job = self.job(job_id)
        assert job.state == "succeeded", f"{job.state}: {job.error}"
        assert job.result is not None
        return decode_value(job.result)

    def log(self, job_id: str) -> str:
        """What the job logged, a line each, with its level in front."""
        return "\n".join(f"{line.level} {line.message}" for line in self.inspector.log(job_id).lines)

    # -- files -------------------------------------------------------------------------------------------------

    def owner(self, email: str = "ada@example.com") -> int:
        return users.ensure(self.database, email, "Ada").id

    def reserve(
        self,
        content: bytes | None = b"Some words.",
        name: str = "notes.txt",
        *,
        declared: str = "text/plain",
        owner: str = "ada@example.com",
        visibility: Visibility = "private",
    ) -> File:
        """A PENDING file, with its object unless there is no content."""
        size = len(content or b"")
        file = files.reserve(self.database, self.owner(owner), name, declared, size, visibility)
        if content is not None:
            self.objects.put(file.object_key, content)
        return file

    def upload(self, content: bytes | None = b"Some words.", name: str = "notes.txt", **more: Any) -> Upload:
        """A file that was uploaded and confirmed, and waits to be ingested."""
        file = self.reserve(content, name, **more)
        return Upload(file.id, request_ingestion(file.id))

    def file(self, file_id: int) -> File:
        found = files.get(self.database, file_id)
        assert found is not None, f"file {file_id} is gone"
        return found

    def rows(self, file_id: int) -> Rows | None:
        """All that is kept of a file; None when it is gone."""
        file = files.get(self.database, file_id)
        if file is None:
            return None
        with self.database.session() as session:
            chunks = tuple(session.rows(CHUNKS, (file_id,)))
        return Rows(
            status=file.status,
            sha256=file.sha256,
            attempt=file.attempt,
            error=file.error,
            is_duplicate=file.duplicate_of is not None,
            has_object=self.objects.exists(file.object_key),
            chunks=chunks,
        )

    def everything(self) -> tuple[list[tuple[Any, ...]], dict[str, bool]]:
        """Every row of every file as it is, and whether its object is there."""
        with self.database.session() as session:
            kept = session.rows("SELECT files.*::text, object_key FROM files ORDER BY id")
        return kept, {key: self.objects.exists(key) for _, key in kept}

    def age(self, file_ids: Iterable[int], hours: float) -> None:
        """Make it so long since anything was heard of these files."""
        with self.database.session() as session:
            session.run(
                "UPDATE files SET updated_at = now() - %s * interval '1 hour' WHERE id = ANY (%s)",
                (hours, list(file_ids)),
            )


class Capture:
    """Captures the logs of jobs while in its block, as a consumer does."""

    def __enter__(self) -> None:
        self._root = logging.getLogger()
        self._level = self._root.level
        self._handler = JobLogHandler(logging.DEBUG)
        self._root.addHandler(self._handler)
        self._root.setLevel(logging.INFO)

    def __exit__(self, *_: object) -> None:
        self._root.removeHandler(self._handler)
        self._root.setLevel(self._level)
