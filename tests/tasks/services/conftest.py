"""What the trials of the services share."""

from collections.abc import Iterator

import pytest

from storage.secret import Secret
from tasks.services.gemini import GeminiApi
from tests.tasks.services.gemini_server import GeminiServer


@pytest.fixture
def gemini() -> Iterator[GeminiServer]:
    """A server that speaks the protocol of Gemini."""
    with GeminiServer() as server:
        yield server


@pytest.fixture
def api(gemini: GeminiServer) -> Iterator[GeminiApi]:
    """The real client of that server."""
    api = GeminiApi(Secret(gemini.api_key), gemini.base_url, timeout_s=5)
    yield api
    api.close()
