"""What the jobs work with: settings, where the servers are, and the clients made from them, one set per process.

Nothing is opened, nor loaded, before it is used, so importing a task starts no server and forking a worker shares no
socket.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from storage import embedded, settings
from storage.embedded import Endpoints
from storage.settings import Settings

if TYPE_CHECKING:
    from storage.database.connection import Database
    from storage.objects import ObjectStore
    from tasks.services.embedding import Embedder
    from tasks.services.mailers import Mailer


class Resources:
    """Lazily opened, each once. ``endpoints`` starts the embedded servers that the settings leave to us."""

    def __init__(self, settings: Settings, endpoints: Endpoints | None = None) -> None:
        self.settings = settings
        self._given = endpoints

    @cached_property
    def endpoints(self) -> Endpoints:
        """Where Redis, PostgreSQL and the objects are."""
        return self._given or embedded.attach(self.settings)

    @cached_property
    def database(self) -> Database:
        """PostgreSQL."""
        from storage.database import connection  # noqa: PLC0415 - who needs no PostgreSQL loads none

        return connection.connect(self.endpoints.database_url)

    @cached_property
    def objects(self) -> ObjectStore:
        """S3, R2 or the directory."""
        from storage import objects  # noqa: PLC0415 - as above

        return objects.open_store(self.settings, self.endpoints)

    @cached_property
    def embedder(self) -> Embedder:
        """Gemini with a key, else the offline embedder."""
        from tasks.services.embedding import embedder_for  # noqa: PLC0415 - as above

        return embedder_for(self.settings)

    @cached_property
    def describe_image(self) -> Callable[[bytes, str], str] | None:
        """Gemini vision with a key, else None."""
        from tasks.services.vision import describer_for  # noqa: PLC0415 - as above

        return describer_for(self.settings)

    @cached_property
    def mailer(self) -> Mailer:
        """SMTP when SMTP_URL is set, else mail is printed."""
        from tasks.services.mailers import mailer_for  # noqa: PLC0415 - as above

        return mailer_for(self.settings)


class _Held:
    resources: Resources | None = None
    pid: int = 0
    lock = threading.Lock()


def _renew_lock() -> None:
    """In a forked child the lock may be held by a thread that does not exist there."""
    _Held.lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)


def current() -> Resources:
    """This process's resources; after a fork, new ones at the same addresses.

    Raises:
        SettingsError: a setting has a wrong value.
        StoreUnavailable: an embedded server does not start.
    """
    with _Held.lock:
        if _Held.resources is None:
            _Held.resources = Resources(settings.load(Path(".env")))
        elif _Held.pid != os.getpid():
            parent = _Held.resources
            _Held.resources = Resources(parent.settings, parent.endpoints)
        _Held.pid = os.getpid()
        return _Held.resources


def use(resources: Resources | None) -> None:
    """Work with these from now on (the command line and tests say what they have read already)."""
    with _Held.lock:
        _Held.resources, _Held.pid = resources, os.getpid()
