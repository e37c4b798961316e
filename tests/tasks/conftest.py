"""Fixtures for trials of whole jobs."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks import resources
from tasks.app import huey
from tests import object_servers
from tests.tasks.jobs import Capture, Jobs
from tests.tasks.services.gemini_server import GeminiServer
from tests.tasks.services.smtp_server import SmtpReceiver


@pytest.fixture
def jobs(
    redis_url: str, namespace: str, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Jobs]:
    """The application's own Huey on this run's Redis, in a namespace and with a database of this test."""
    before = resources._Held.resources
    home = tmp_path / "home"
    made = Jobs(redis_url, database_url, home / "objects", {"dewey_home": home, "dewey_namespace": namespace})
    made.use()
    monkeypatch.setattr(huey, "name", namespace)
    monkeypatch.setattr(huey, "queues", ())
    monkeypatch.setattr(huey, "lease_s", 30.0)
    monkeypatch.setattr(huey, "storage", huey.create_storage())
    with Capture():
        yield made
    huey.storage.close()
    for one in made.opened:
        close(one)
    resources.use(before)


def close(held: resources.Resources) -> None:
    """Close what resources have opened that would be open at the end."""
    for name in ("embedder", "describe_image"):
        opened: Any = vars(held).get(name)
        owner = getattr(opened, "__self__", opened)
        if hasattr(owner, "_api"):
            owner._api.close()


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """The address of this run's S3."""
    with object_servers.s3_server() as url:
        yield url


@pytest.fixture
def s3(jobs: Jobs, s3_url: str) -> Jobs:
    """The jobs, with their objects in an empty bucket."""
    bucket = f"test-{uuid.uuid4().hex[:12]}"
    object_servers.make_bucket(s3_url, bucket)
    jobs.base |= {
        "s3_bucket": bucket,
        "s3_endpoint_url": s3_url,
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
    }
    jobs.use()
    return jobs


@pytest.fixture(params=["directory", "s3"])
def jobs_on_each_store(request: pytest.FixtureRequest, jobs: Jobs) -> Jobs:
    """The jobs with their objects in a directory, then in a bucket."""
    if request.param == "s3":
        request.getfixturevalue("s3")
    return jobs


@pytest.fixture
def gemini(jobs: Jobs) -> Iterator[GeminiServer]:
    """A server that speaks the protocol of Gemini, which the jobs have the key to."""
    with GeminiServer() as server:
        jobs.base |= {"gemini_api_key": server.api_key, "gemini_base_url": server.base_url}
        jobs.use()
        yield server


@pytest.fixture
def smtp(jobs: Jobs) -> Iterator[SmtpReceiver]:
    """A mail server that the jobs send to."""
    with SmtpReceiver() as server:
        jobs.base |= {"smtp_url": f"smtp://127.0.0.1:{server.port}"}
        jobs.use()
        yield server
