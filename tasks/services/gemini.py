"""The edge to the Gemini API: one client for each process, and its errors told apart as `Transient` or not.

The library is imported when the first request is made (half a second, 55 MB), and a forked process makes a
client of its own. It never retries by itself: retrying belongs to the job, which knows how long to wait. It
follows no redirect, which would carry the key to another host.
"""

import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from storage.secret import Secret
from storage.settings import Settings
from tasks.errors import ModelRefused, ModelUnavailable

if TYPE_CHECKING:
    from google.genai import Client
    from google.genai.errors import APIError

_TRANSIENT_CODES = frozenset({408, 409, 425, 429, 499})
_LONGEST_WORDS = 300
_DURATION = re.compile(r"(\d+(?:\.\d+)?)s")


class GeminiApi:
    """Where the Gemini API is, the key to it, and this process's client."""

    def __init__(self, api_key: Secret, base_url: str | None = None, timeout_s: float = 60) -> None:
        self._api_key = api_key
        self._base_url = base_url
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._client_pid = 0

    @property
    def client(self) -> "Client":
        """The client of this process; all of its threads share it."""
        with self._lock:
            if self._client is None or self._client_pid != os.getpid():
                self._client = self._connected()
                self._client_pid = os.getpid()
            return self._client

    def _connected(self) -> "Client":
        from google import genai  # noqa: PLC0415 (half a second: only a process that asks Gemini pays it)
        from google.genai import types  # noqa: PLC0415 (as above)

        return genai.Client(
            api_key=self._api_key.reveal(),
            enterprise=False,
            http_options=types.HttpOptions(
                base_url=self._base_url,
                timeout=round(self._timeout_s * 1000),
                client_args={"follow_redirects": False},
                retry_options=types.HttpRetryOptions(attempts=1),
            ),
        )

    def close(self) -> None:
        """Close the connections of this process; a later request opens new ones."""
        with self._lock:
            if self._client is not None and self._client_pid == os.getpid():
                self._client.close()
            self._client = None

    @contextmanager
    def asking(self, model: str, setting: str) -> Iterator["Client"]:
        """The client, for one request to `model`, which the setting named `setting` chose.

        Raises:
            ModelRefused: the API refused the request for good; the message says what to do.
            ModelUnavailable: it did not answer, answered rubbish, or asked to be left alone for some time.
        """
        import httpx2  # noqa: PLC0415 (it comes with the library that is imported late)
        from google.genai.errors import APIError  # noqa: PLC0415 (as above)

        try:
            yield self.client
        except APIError as error:
            raise _translated(error, model, setting) from error
        except (httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
            raise ModelRefused(f"GEMINI_BASE_URL is no address of an API: {error}") from error
        except httpx2.RequestError as error:
            what = str(error) or type(error).__name__
            raise ModelUnavailable(f"the model {model} did not answer: {what}"[:_LONGEST_WORDS]) from error
        except (JSONDecodeError, UnicodeDecodeError, ValidationError) as error:
            raise ModelUnavailable(
                f"the answer of the model {model} is no JSON that makes sense ({type(error).__name__}): "
                "something between here and the API may have answered in its place"
            ) from error


def gemini_for(settings: Settings) -> GeminiApi | None:
    """The API that the settings give a key to, or None without a key."""
    if settings.gemini_api_key is None:
        return None
    return GeminiApi(settings.gemini_api_key, settings.gemini_base_url)


def _translated(error: "APIError", model: str, setting: str) -> ModelRefused | ModelUnavailable:
    words = _words(error)
    if error.code in _TRANSIENT_CODES or not 400 <= error.code < 500:
        return ModelUnavailable(f"the model {model} answered {error.code}: {words}", _retry_after_s(error))
    if error.code == 404:
        return ModelRefused(f"there is no model {model} (any more): set {setting} to a current one ({words})")
    if error.code in (401, 403) or "API_KEY_INVALID" in str(error.details):
        return ModelRefused(f"the key in GEMINI_API_KEY may not use the model {model}: {error.code} {words}")
    return ModelRefused(f"the model {model} refused the request: {error.code} {words}")


def _words(error: "APIError") -> str:
    """What the server said, in one short line; a page of HTML says nothing."""
    message = str(error.message or "")
    if not message or message.lstrip().startswith("<"):
        message = str(error.status or "no reason given")
    return " ".join(message.split())[:_LONGEST_WORDS]


def _retry_after_s(error: "APIError") -> float:
    """How long the server asks to be left alone: its RetryInfo, or its header Retry-After, or 0."""
    headers = getattr(error.response, "headers", None)
    return max(_retry_info_s(error.details), _header_s(headers.get("retry-after", "") if headers else ""))


def _retry_info_s(details: Any) -> float:
    body = details.get("error") if isinstance(details, dict) else None
    hints = body.get("details") if isinstance(body, dict) else None
    for hint in hints if isinstance(hints, list) else ():
        if isinstance(hint, dict) and str(hint.get("@type", "")).endswith("google.rpc.RetryInfo"):
            duration = _DURATION.fullmatch(str(hint.get("retryDelay", "")))
            return float(duration.group(1)) if duration else 0.0
    return 0.0


def _header_s(value: str) -> float:
    """Seconds, or a date (RFC 9110, section 10.2.3)."""
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return 0.0
