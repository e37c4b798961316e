"""A TCP proxy before a Redis on a unix socket, whose connections can be cut, or left half-open: alive, and silent."""

import contextlib
import os
import selectors
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

CHUNK = 65_536


class Proxy(threading.Thread):
    """Forwards bytes both ways. What it silences stays open and says nothing more; new connections work."""

    def __init__(self, target: Path) -> None:
        super().__init__(name="chaos-proxy", daemon=True)
        self._target = str(target)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._peers: dict[socket.socket, socket.socket] = {}
        self._silent: list[socket.socket] = []
        self._orders: list[str] = []
        self._done = threading.Condition()
        self._waker, self._woken = os.pipe()[::-1]
        self._selector = selectors.DefaultSelector()
        self._struck = 0

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"

    def cut(self) -> int:
        """Close every connection; answers how many there were."""
        return self._order("cut")

    def silence(self) -> int:
        """Leave every connection of this moment half-open for ever; answers how many there were."""
        return self._order("silence")

    def _order(self, word: str) -> int:
        with self._done:
            self._orders.append(word)
            os.write(self._waker, b"!")
            while self._orders:
                self._done.wait(5)
            return self._struck

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._order("end")
        self.join(5)

    def run(self) -> None:
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj == self._woken:
                    os.read(self._woken, 64)
                    if self._obey():
                        return
                else:
                    self._forward(key.fileobj)  # type: ignore[arg-type]  # only sockets are left

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            server.connect(self._target)
        except OSError:
            client.close()
            server.close()
            return
        for one, other in ((client, server), (server, client)):
            self._peers[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _forward(self, one: socket.socket) -> None:
        if one not in self._peers:
            return  # closed in this very round
        try:
            data = one.recv(CHUNK)
            if data:
                self._peers[one].sendall(data)
                return
        except OSError:
            pass
        self._close(one)

    def _close(self, one: socket.socket) -> None:
        other = self._forget(one)
        one.close()
        other.close()

    def _forget(self, one: socket.socket) -> socket.socket:
        other = self._peers.pop(one)
        del self._peers[other]
        for end in (one, other):
            self._selector.unregister(end)
        return other

    def _obey(self) -> bool:
        with self._done:
            word = self._orders.pop(0)
            self._struck = len(self._peers) // 2
            while self._peers:
                one = next(iter(self._peers))
                if word == "silence":
                    self._silent += [one, self._forget(one)]
                else:
                    self._close(one)
            if word == "end":
                for end in (*self._silent, self._listener):
                    end.close()
                self._selector.close()
                for pipe in (self._waker, self._woken):
                    with contextlib.suppress(OSError):
                        os.close(pipe)
            self._done.notify_all()
            return word == "end"
