"""Numbers for a monitoring system, and whether consumers live: ``metrics``."""

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

import typer

from console.commands.opening import Desk, WrongUse, open_desk
from console.commands.printing import say
from console.commands.stopping import told_to_stop
from storage.errors import StorageError

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; charset=utf-8"

app = typer.Typer()


@app.command()
def metrics(
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Serve /metrics and /healthz there until Ctrl-C.")
    ] = "",
) -> None:
    """Print every metric as OpenMetrics, or serve them.

    /healthz answers 200 while consumers beat, and 503 with the reason otherwise; /healthz?queue=NAME asks for those
    that serve a queue.
    """
    desk = open_desk()
    if not listen:
        say(_exposed(desk).decode().rstrip("\n"))
        return
    host, port = _place(listen)
    with told_to_stop() as stop, server_on(desk, host, port) as server:
        thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
        thread.start()
        say(f"Serving http://{host}:{server.server_port}/metrics and /healthz. Ctrl-C stops.")
        while not stop.wait(3600):
            pass
        server.shutdown()
    say("Stopped.")


def server_on(desk: Desk, host: str, port: int) -> ThreadingHTTPServer:
    """A server of metrics and health at an address; it answers once its serve_forever runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if asked.path == "/metrics":
                self._answer(HTTPStatus.OK, OPENMETRICS, _exposed(desk))
            elif asked.path == "/healthz":
                is_well, words = health(desk, parse_qs(asked.query).get("queue", [""])[0])
                status = HTTPStatus.OK if is_well else HTTPStatus.SERVICE_UNAVAILABLE
                self._answer(status, TEXT, f"{words}\n".encode("utf-8", "backslashreplace"))
            else:
                self._answer(HTTPStatus.NOT_FOUND, TEXT, b"here are /metrics and /healthz\n")

        def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: a monitoring system asks every few seconds."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    return server


def health(desk: Desk, queue: str = "") -> tuple[bool, str]:
    """Whether a consumer lives (that serves a queue), in words."""
    try:
        living = [one for one in desk.inspector.consumers() if not queue or not one.queues or queue in one.queues]
    except StorageError as error:
        return False, str(error)
    serving = f" that serves queue {queue!r}" if queue else ""
    if not living:
        return False, f"no consumer{serving} beats"
    return True, f"{len(living)} consumer(s){serving} beat: {', '.join(one.id for one in living)}"


def _exposed(desk: Desk) -> bytes:
    from storage.history.openmetrics import exposed  # noqa: PLC0415 - slow to import, and only this command needs it

    return exposed(desk.inspector, desk.resources.database)


def _place(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not port.isdecimal() or len(port) > 5 or int(port) > 65535:
        raise WrongUse(f"--listen {listen}: write HOST:PORT, such as 127.0.0.1:9464")
    return host.strip("[]") or "127.0.0.1", int(port)
