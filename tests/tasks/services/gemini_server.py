"""A local server that speaks the REST protocol of the Gemini API, and fails on demand.

The real client library talks to it over a socket: give `base_url` to the setting ``GEMINI_BASE_URL``. It
knows ``models/{model}:embedContent``, ``:batchEmbedContents`` and ``:generateContent`` below ``/v1`` and
``/v1beta``. Requests take the scripted faults in order, one each, and are answered well when none is left.
"""

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar

from tasks.services.lexical import LexicalEmbedder

Json = dict[str, Any]
_PATH = re.compile(r"/(v1|v1beta)/models/([^:/]+):(embedContent|batchEmbedContents|generateContent)")
_LENGTH = 0.7
"""Truncated vectors of the first generation are not normalised, and neither are these."""


@dataclass(frozen=True, slots=True)
class Fault:
    """How one request is answered instead of, or (`alter`) after, being answered well."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    drop: bool = False
    delay_s: float = 0
    alter: Callable[[Json], Json] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came in."""

    version: str
    model: str
    method: str
    body: Json
    headers: dict[str, str]

    @property
    def texts(self) -> list[str]:
        """The texts to embed, or the words of a prompt."""
        contents = [request["content"] for request in self.body.get("requests", [])]
        contents = contents or self.body.get("contents") or [self.body["content"]]
        return ["".join(part.get("text", "") for part in content["parts"]) for content in contents]


def refusal(code: int, status: str, message: str, *details: Json, headers: dict[str, str] | None = None) -> Fault:
    """An error in the form of the API."""
    error = {"error": {"code": code, "message": message, "status": status, "details": list(details)}}
    return Fault(code, headers or {}, json.dumps(error).encode())


def too_many_requests(retry_s: float) -> Fault:
    """429 that says in its body how long to wait."""
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{retry_s:g}s"}
    return refusal(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", info)


def too_many_requests_by_header(retry_after: str) -> Fault:
    """429 that says in its header how long to wait, in seconds or as a date."""
    return refusal(429, "RESOURCE_EXHAUSTED", "Slow down.", headers={"Retry-After": retry_after})


def bad_key() -> Fault:
    """400, as the API answers to a key that it does not know."""
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
    return refusal(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", info)


INTERNAL = refusal(500, "INTERNAL", "An internal error has occurred.")
UNAVAILABLE_PAGE = Fault(503, {"Content-Type": "text/html"}, b"<html><body>Service Unavailable</body></html>")
CAPTIVE_PAGE = Fault(200, {"Content-Type": "text/html"}, b"<html><body>Please sign in</body></html>")
DROPPED = Fault(drop=True)
FORBIDDEN = refusal(403, "PERMISSION_DENIED", "The caller does not have permission.")
TOO_FEW_VECTORS = Fault(alter=lambda answer: {"embeddings": answer["embeddings"][:-1]})
NOT_A_NUMBER = Fault(alter=lambda answer: _with_values(answer, lambda values: [float("nan"), *values[1:]]))
ZERO_VECTOR = Fault(alter=lambda answer: _with_values(answer, lambda values: [0.0] * len(values)))
WRONG_DIMENSIONS = Fault(alter=lambda answer: _with_values(answer, lambda values: values * 4))
BLOCKED = Fault(alter=lambda answer: {"promptFeedback": {"blockReason": "SAFETY"}})
OUT_OF_TOKENS = Fault(alter=lambda answer: {"candidates": [{"content": {}, "finishReason": "MAX_TOKENS"}]})
UNSAFE = Fault(alter=lambda answer: {"candidates": [{"content": {}, "finishReason": "SAFETY"}]})


def slow(delay_s: float) -> Fault:
    """A good answer that takes its time."""
    return Fault(delay_s=delay_s)


def _with_values(answer: Json, change: Callable[[list[float]], list[float]]) -> Json:
    return {"embeddings": [{"values": change(item["values"])} for item in answer["embeddings"]]}


class GeminiServer:
    """The server, listening on a free port of this machine while its `with` block runs."""

    def __init__(self, api_key: str = "a-key", dead_models: frozenset[str] = frozenset({"text-embedding-004"})):
        self.api_key = api_key
        self.dead_models = dead_models
        self.description = "A small picture."
        self.asked: list[Asked] = []
        self._faults: deque[Fault] = deque()
        self._embedder = LexicalEmbedder()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"gemini": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def base_url(self) -> str:
        """What to set ``GEMINI_BASE_URL`` to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def script(self, *faults: Fault) -> None:
        """Answer the next requests with these faults, one each."""
        with self._lock:
            self._faults.extend(faults)

    def __enter__(self) -> "GeminiServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, asked: Asked) -> Fault | None:
        """Note a request; the fault that it meets, if any."""
        with self._lock:
            self.asked.append(asked)
            return self._faults.popleft() if self._faults else None

    def answer(self, asked: Asked) -> Json | Fault:
        """The good answer, or the error that the API itself would find."""
        if asked.headers.get("x-goog-api-key") != self.api_key:
            return bad_key()
        if asked.model in self.dead_models:
            return refusal(404, "NOT_FOUND", f"models/{asked.model} is not found for API version v1.")
        if asked.method == "generateContent":
            return self._describe(asked)
        return self._embed(asked)

    def _embed(self, asked: Asked) -> Json | Fault:
        requests = asked.body.get("requests") or [asked.body]
        if len(requests) > 100:
            return refusal(400, "INVALID_ARGUMENT", "at most 100 requests can be in one batch")
        if not all(text for text in asked.texts):
            return refusal(400, "INVALID_ARGUMENT", "content is empty")
        dimensions = int(requests[0].get("outputDimensionality", 3072))
        vectors = [
            {"values": [_LENGTH * value for value in (vector * 4)[:dimensions]]}
            for vector in self._embedder.embed_documents(asked.texts)
        ]
        return {"embedding": vectors[0]} if asked.method == "embedContent" else {"embeddings": vectors}

    def _describe(self, asked: Asked) -> Json | Fault:
        parts = [part for content in asked.body["contents"] for part in content["parts"]]
        pictures = [part.get("inlineData") or part.get("inline_data") for part in parts]
        types = [picture.get("mimeType") or picture.get("mime_type") for picture in pictures if picture]
        if any(kind not in ("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif") for kind in types):
            return refusal(400, "INVALID_ARGUMENT", f"Unsupported MIME type: {types[0]}")
        said = {"role": "model", "parts": [{"text": self.description}]}
        return {"candidates": [{"content": said, "finishReason": "STOP", "index": 0}], "modelVersion": asked.model}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    gemini: ClassVar[GeminiServer]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = _PATH.fullmatch(self.path.partition("?")[0])
        if path is None:
            self._send(Fault(404, {"Content-Type": "text/html"}, b"<html>no such page</html>"))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(path[1], path[2], path[3], json.loads(body), headers)
        fault = self.gemini.take(asked) or Fault()
        time.sleep(fault.delay_s)
        if fault.drop:
            self.close_connection = True
        elif fault.body is not None:
            self._send(fault)
        else:
            self._send(self._answer(asked, fault))

    def _answer(self, asked: Asked, fault: Fault) -> Fault:
        answer = self.gemini.answer(asked)
        if isinstance(answer, Fault):
            return answer
        return Fault(body=json.dumps(answer if fault.alter is None else fault.alter(answer)).encode())

    def _send(self, answer: Fault) -> None:
        body = answer.body or b""
        try:
            self.send_response(answer.status)
            for name, value in ({"Content-Type": "application/json"} | answer.headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the requests are in `GeminiServer.asked`."""
