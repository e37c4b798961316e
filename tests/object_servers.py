"""Servers that speak S3's protocol over a socket: a whole one, and one that answers what a test wrote."""

import contextlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3.session
from moto.server import ThreadedMotoServer

from storage.s3 import Credentials, S3Objects
from storage.secret import Secret

CREDENTIALS = Credentials(Secret("test"), Secret("test"))


@contextlib.contextmanager
def s3_server() -> Iterator[str]:
    """The address of a whole S3 while in the block."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def make_bucket(endpoint_url: str, bucket: str) -> S3Objects:
    """A new bucket, and the store over it."""
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    client.create_bucket(Bucket=bucket)
    client.close()
    return S3Objects(bucket, endpoint_url=endpoint_url, region="auto", credentials=CREDENTIALS)


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def keys(self) -> list[str]:
        """The keys of a DeleteObjects."""
        return re.findall("<Key>(.*?)</Key>", self.body.decode())


@dataclass(frozen=True, slots=True)
class Answer:
    """What it is told. ``missing_bytes`` are announced and never sent."""

    status: int = 200
    body: bytes = b""
    missing_bytes: int = 0


@dataclass(slots=True)
class ScriptedServer:
    """An HTTP server whose answers a test decides; it keeps what it was asked."""

    url: str
    requests: list[Request] = field(default_factory=list)

    def store(self) -> S3Objects:
        """A store over a bucket of this server, that asks only once."""
        return S3Objects("files", endpoint_url=self.url, region="auto", credentials=CREDENTIALS, tries=1)


def error(status: int, code: str) -> Answer:
    """An error in S3's own form."""
    words = f"<Error><Code>{code}</Code><Message>scripted</Message></Error>"
    return Answer(status, words.encode())


@contextlib.contextmanager
def scripted_server(answer: Callable[[Request], Answer]) -> Iterator[ScriptedServer]:
    """A server that answers as told while in the block."""
    scripted = ScriptedServer("")

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            request = Request(self.command, self.path, dict(self.headers), self.rfile.read(size))
            scripted.requests.append(request)
            told = answer(request)
            self.send_response(told.status)
            self.send_header("Content-Length", str(len(told.body) + told.missing_bytes))
            self.send_header("Last-Modified", "Sun, 22 Nov 2026 10:00:00 GMT")
            self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(told.body)
            self.close_connection = True

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing: the test looks at what was asked."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    scripted.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield scripted
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
