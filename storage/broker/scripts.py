"""Loads the Lua transitions and runs them: one call, one round trip, all or nothing."""

import os
import re
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources
from typing import Any

import msgpack
import redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, OutOfMemoryError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from storage.broker.keys import lua_functions
from storage.errors import StorageError, StoreRefused, StoreUnavailable

_PASSING = re.compile(r"(?:^|: -|^-)(?:OOM|READONLY|MISCONF|BUSY|LOADING|MASTERDOWN|NOREPLICAS|TRYAGAIN|CLUSTERDOWN)\b")
"""Answers that say that Redis itself is in trouble, not the request: memory, disk, a failover, a script that hangs.
Redis 6 wraps them: ``Error running script (...): @user_script: 170: -OOM command not allowed ...``."""
_NEEDS = re.compile(r"^-- needs: (.*)$", re.MULTILINE)
TRUSTED_S = 1.0
"""A connection that was used within this time is taken to stand; another one is looked at first."""
_WHEN_ASKED = {"jobs": "_insert", "dead": "_dead", "flow": "_flow"}
"""Tables of _base.lua, and the parts whose functions they hold. Redis runs a whole script each time, its definitions
too, so these are defined when the first function of theirs is called."""


@cache
def source(name: str) -> str:
    """The whole text of one transition: prefix, key functions, what all share, the parts it names, and itself."""
    own = _read(name)
    found = _NEEDS.search(own)
    later = "".join(
        f"setmetatable({table}, {{__index = function(_, name)\n{_read(part)}return rawget({table}, name)\nend}})\n"
        for table, part in _WHEN_ASKED.items()
    )
    shared = "".join(_read(f"_{part}") for part in (found.group(1).split() if found else []))
    text = f"{_read('_base')}{later}{shared}{own}"
    return f"local P = KEYS[1]\n{lua_functions(text)}{text}"


def _read(name: str) -> str:
    return (resources.files("storage.broker") / "lua" / f"{name}.lua").read_text("utf-8")


def pack(value: object) -> bytes:
    """A value for ``cmsgpack.unpack``: bytes and str both become raw strings, the only kind it reads.

    Raises:
        StoreRefused: a part of it has no such form: an integer of more than 64 bits, a text that is not Unicode.
    """
    try:
        return msgpack.packb(value, use_bin_type=False)  # type: ignore[no-any-return]
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise StoreRefused(f"this can not be sent to Redis: {error}") from error


def unpack(reply: bytes) -> Any:
    """What a script answered as msgpack; its strings are bytes."""
    return msgpack.unpackb(reply, raw=True)


def translated(error: RedisError) -> StorageError:
    """The driver's error as one of ours."""
    if isinstance(error, RedisConnectionError | RedisTimeoutError):
        return StoreUnavailable(f"Redis did not answer: {error}")
    if isinstance(error, ReadOnlyError | OutOfMemoryError) or _PASSING.search(str(error)):
        return StoreUnavailable(f"Redis can not do this now: {error}")
    return StoreRefused(f"Redis refused: {error}")


class _Own(threading.local):
    """The client of this thread alone, and the process in which it has one: a fork must not use its parent's."""

    client: "redis.Redis | None" = None
    used_at = 0.0
    pid = 0


class Question:
    """A transition that was sent, on a connection that nobody else has until its answer is taken or dropped."""

    def __init__(
        self, pool: "redis.ConnectionPool", call: Sequence[bytes | str | int], again: Callable[[], Any]
    ) -> None:
        self._pool = pool
        self._again = again
        self._connection = pool.get_connection()
        try:
            self._connection.send_command("EVALSHA", *call)  # type: ignore[no-untyped-call]  # so in redis
        except BaseException:
            self.drop()
            raise

    def answer(self) -> Any:
        """Take the answer, once. Raises: as `Scripts.run`."""
        try:
            return self._connection.read_response()
        except NoScriptError:  # it ran for nobody
            pass
        except RedisError as error:
            raise translated(error) from error
        finally:
            self._pool.release(self._connection)
        return self._again()

    def drop(self) -> None:
        """Let nobody have the answer; instead of taking it."""
        self._connection.disconnect()  # type: ignore[no-untyped-call]  # so in redis
        self._pool.release(self._connection)


class Scripts:
    """The transitions of one namespace on one Redis client."""

    def __init__(self, client: "redis.Redis", prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._shas: dict[str, str] = {}
        self._own = _Own()

    def keep_connection(self) -> None:
        """Give this thread a connection for itself until it ends: a busy worker need not ask the pool for each call."""
        self._own.pid = os.getpid()

    def _for_this_thread(self) -> "redis.Redis":
        own = self._own
        if own.pid != os.getpid():
            return self._client
        now = time.monotonic()
        if own.client is None or now - own.used_at > TRUSTED_S:
            if own.client is not None:
                own.client.close()
            # The pool looks whether it still stands.
            own.client = self._client.client()  # type: ignore[no-untyped-call]  # so in redis
        own.used_at = now
        return own.client

    def run(self, name: str, *args: bytes | str | int) -> Any:
        """Run a transition. A repeat after a lost script cache is safe: Redis ran nothing then.

        Raises:
            StoreUnavailable: Redis did not answer; whether the transition happened is not known.
            StoreRefused: Redis answered with an error.
        """
        try:
            sha = self._shas.get(name) or self._load(name)
            client = self._for_this_thread()
            try:
                return client.evalsha(sha, 1, self._prefix, *args)
            except NoScriptError:
                return client.evalsha(self._load(name), 1, self._prefix, *args)
        except RedisError as error:
            raise translated(error) from error

    def ask(self, name: str, *args: bytes | str | int) -> "Question":
        """Send a transition that changes nothing, and let Redis work on it until its answer is taken.

        Raises: as run.
        """
        try:
            pool = self._client.connection_pool
            sha = self._shas.get(name) or self._load(name)
            return Question(pool, (sha, 1, self._prefix, *args), lambda: self.run(name, *args))
        except RedisError as error:
            raise translated(error) from error

    def run_many(self, name: str, calls: Sequence[Sequence[bytes | str | int]]) -> list[Any]:
        """Run a transition several times, each by itself, in one round trip.

        Raises: as run; what came before an error has happened.
        """
        try:
            replies = self._sent_together(self._shas.get(name) or self._load(name), calls)
            if any(isinstance(reply, NoScriptError) for reply in replies):  # then it ran for none of them
                replies = self._sent_together(self._load(name), calls)
            for reply in replies:
                if isinstance(reply, RedisError):
                    raise reply
        except RedisError as error:
            raise translated(error) from error
        return replies

    def _sent_together(self, sha: str, calls: Sequence[Sequence[bytes | str | int]]) -> list[Any]:
        with self._client.pipeline(transaction=False) as pipe:
            for args in calls:
                pipe.evalsha(sha, 1, self._prefix, *args)
            return list(pipe.execute(raise_on_error=False))

    def _load(self, name: str) -> str:
        try:
            sha: str = self._client.script_load(source(name))
        except ResponseError as error:
            raise StoreRefused(f"Redis refused the transition {name!r}: {error}") from error
        self._shas[name] = sha
        return sha
