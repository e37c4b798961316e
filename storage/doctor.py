"""What is well and what is not, on this machine and under these settings, with the remedy for each ill.

Asks, and repairs nothing. A check that can not be made is a finding too: never silence for "could not ask".
"""

import contextlib
import platform
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import redis
from msgspec import Struct

from storage import embedded
from storage.broker.connection import connect as connect_redis
from storage.broker.inspector import Inspector
from storage.database import connection
from storage.embedded import OBJECTS, Endpoints
from storage.errors import StorageError, StoreRefused, StoreUnavailable
from storage.history.lag import lag
from storage.objects import open_store
from storage.servers.home import POSTGRES, REDIS
from storage.settings import DEFAULT_SENDER, Settings
from storage.wording import plural

Level = Literal["ok", "warn", "fail"]

OLDEST_REDIS = (6, 2)
OLDEST_POSTGRES = (14,)
LARGEST_SKEW_S = 1.0
LARGEST_LAG_S = 60.0
LEAST_FREE_BYTES = 2**30
_PACKAGES = ("dewey", "huey", "redis", "peewee", "psycopg2-binary", "pgvector", "textual", "boto3", "google-genai")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Finding(Struct, frozen=True):
    """One thing that was looked at. `remedy` is empty when all is well."""

    subject: str
    level: Level
    message: str
    remedy: str = ""


def diagnose(settings: Settings, endpoints: Endpoints | None) -> tuple[Finding, ...]:
    """Look at everything. Without `endpoints` the embedded servers are not running, and only the rest is asked."""
    findings = [_versions(), *_home(settings)]
    if endpoints is None:
        findings += _not_running(settings)
    else:
        findings += _asked(REDIS, lambda: _redis(settings, endpoints))
        findings += _asked(POSTGRES, lambda: _postgres(settings, endpoints))
        findings += _asked(OBJECTS, lambda: _objects(settings, endpoints))
    findings += _asked("mail", lambda: _mail(settings))
    findings += _choices(settings)
    return tuple(findings)


def look(settings: Settings, endpoints: Endpoints, part: str) -> tuple[Finding, ...]:
    """Look at one of the servers only: at Redis, at PostgreSQL, or at what keeps the objects."""
    checks = {REDIS: _redis, POSTGRES: _postgres, OBJECTS: _objects}
    return tuple(_asked(part, lambda: checks[part](settings, endpoints)))


def _asked(subject: str, check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """The findings of a check up to the one that could not be made, which is the last."""
    findings: list[Finding] = []
    try:
        findings.extend(check())
    except StoreUnavailable as error:
        findings.append(Finding(subject, "fail", str(error), "see that it runs and can be reached from here"))
    except StorageError as error:
        findings.append(Finding(subject, "fail", str(error), "see what the message asks for"))
    return findings


def _versions() -> Finding:
    found = []
    for package in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found.append(f"{package} {version(package)}")
    return Finding("versions", "ok", ", ".join([f"Python {platform.python_version()}", *found]))


def _home(settings: Settings) -> Iterator[Finding]:
    """The directory of what is embedded, if anything is."""
    if not embedded.embedded_parts(settings):
        return
    place = next(path for path in (settings.dewey_home, *settings.dewey_home.parents) if path.exists())
    free_bytes = shutil.disk_usage(place).free
    message = f"{settings.dewey_home}, {free_bytes / 2**30:.1f} GiB free"
    if free_bytes < LEAST_FREE_BYTES:
        yield Finding("home", "warn", message, "free some space, or set DEWEY_HOME to a larger disk")
    else:
        yield Finding("home", "ok", message)


def _not_running(settings: Settings) -> Iterator[Finding]:
    for server in embedded.status(settings.dewey_home):
        if server.name not in embedded.embedded_parts(settings):
            continue
        if server.phase == "failed":
            yield Finding(server.name, "fail", f"it did not start: {server.error}", f"read {server.log_path}")
        else:
            yield Finding(server.name, "ok", f"embedded, {server.phase}; it starts when something uses it")


def _server(settings: Settings, name: str, told: str) -> Finding:
    """Which server it is and, when Dewey started it, how it fares."""
    if name not in embedded.embedded_parts(settings):
        return Finding(name, "ok", told)
    server = next(item for item in embedded.status(settings.dewey_home) if item.name == name)
    message = f"{told}, embedded, process {server.server_pid}"
    if server.users:
        message += f", used by {plural(len(server.users), 'process', 'processes')}"
    if server.restarts:  # first, since a line of the overview is short
        again = f"started again {plural(server.restarts, 'time')}"
        return Finding(name, "warn", f"{again}: {message}", f"read {server.log_path} for why")
    return Finding(name, "ok", message)


def _redis(settings: Settings, endpoints: Endpoints) -> Iterator[Finding]:
    client = connect_redis(endpoints.redis_url, timeout_s=5.0)
    try:
        told = _info(client)
        skew_s = _skew_s(lambda: _redis_clock(client))
    except redis.ConnectionError as error:
        raise StoreUnavailable(f"Redis did not answer: {error}") from error
    except redis.TimeoutError as error:
        raise StoreUnavailable(f"Redis did not answer in time: {error}") from error
    except redis.RedisError as error:
        raise StoreRefused(f"Redis refused to be asked: {error}; allow this user INFO and TIME") from error
    finally:
        client.close()
    product = "Valkey" if "valkey_version" in told else "Redis"
    number = str(told.get("valkey_version", told["redis_version"]))
    yield _server(settings, REDIS, f"{product} {number}")
    yield from _redis_server(told)
    yield from _redis_keeping(told)
    yield from _clock("redis clock", skew_s)
    yield from _books(settings, endpoints)
    yield from _history(settings, endpoints)


def _books(settings: Settings, endpoints: Endpoints) -> Iterator[Finding]:
    """Whether every job was where its record says, as far as consumers have looked."""
    client = connect_redis(endpoints.redis_url, timeout_s=5.0)
    try:
        repairs = Inspector(client, settings.dewey_namespace).repairs()
    finally:
        client.close()
    if not repairs:
        yield Finding("books", "ok", "every job is where its record says")
        return
    told = ", ".join(f"{kind} {count}" for kind, count in sorted(repairs.items()))
    remedy = "nothing but Dewey may write its keys; look for evictions, for a restored backup, or for a hand in Redis"
    yield Finding("books", "warn", f"impossible states were found and put right: {told}", remedy)


def _history(settings: Settings, endpoints: Endpoints) -> Iterator[Finding]:
    """Whether what happens is recorded, and how far that is."""
    client = connect_redis(endpoints.redis_url, timeout_s=5.0)
    try:
        found = lag(client, settings.dewey_namespace)
    finally:
        client.close()
    waiting = f"{found.events_behind} events wait, the oldest for {found.seconds_behind:.0f} s"
    remedy = "run dewey up, huey_consumer tasks.app.huey or dewey record"
    if not found.exists:
        yield Finding("history", "warn", "nothing was ever recorded", remedy)
    elif not found.leader:
        yield Finding("history", "warn", f"nobody records: {waiting}", remedy)
    elif found.trouble:
        yield Finding(
            "history", "warn", f"{waiting}: {found.trouble}", "see that PostgreSQL runs; jobs go on meanwhile"
        )
    elif found.seconds_behind > LARGEST_LAG_S:
        yield Finding("history", "warn", f"{found.leader} records, but {waiting}", "look at the load of PostgreSQL")
    else:
        yield Finding("history", "ok", f"{found.leader} records, {found.events_behind} events behind")
    if found.dropped_events or found.dropped_jobs:
        message = f"{found.dropped_events} events and {found.dropped_jobs} ended jobs went unrecorded, since ever"
        yield Finding(
            "history gaps", "warn", message, "raise DEWEY_EVENTS_WAITING, or have a recorder run all the time"
        )


def _redis_server(told: Mapping[str, Any]) -> Iterator[Finding]:
    if _numbers(str(told["redis_version"])) < OLDEST_REDIS:
        remedy = f"run Redis {'.'.join(map(str, OLDEST_REDIS))} or later, or Valkey"
        yield Finding("redis version", "fail", f"{told['redis_version']} is too old", remedy)
    if told.get("role") not in (None, "master"):
        yield Finding("redis role", "fail", f"it is a {told['role']}", "set REDIS_URL to the primary")


def _redis_keeping(told: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether it keeps what it is given: when memory is short, and when it crashes."""
    policy = str(told.get("maxmemory_policy", "unknown"))
    if policy == "noeviction":
        yield Finding("redis eviction", "ok", policy)
    else:
        message = f"maxmemory-policy is {policy}: it may silently forget jobs when memory is short"
        yield Finding("redis eviction", "fail", message, "set maxmemory-policy noeviction")
    limit_bytes, used_bytes = int(told.get("maxmemory", 0)), int(told.get("used_memory", 0))
    if limit_bytes and used_bytes > 0.8 * limit_bytes:
        message = f"{used_bytes / 2**20:.0f} of {limit_bytes / 2**20:.0f} MiB are used; when full it refuses new jobs"
        yield Finding("redis memory", "warn", message, "raise maxmemory, or find what fills it")
    if not int(told.get("aof_enabled", 0)):
        message = "no append-only file: a crash forgets every job since the last snapshot"
        yield Finding("redis persistence", "warn", message, "set appendonly yes and appendfsync everysec")
    elif told.get("aof_last_write_status", "ok") != "ok":
        yield Finding("redis persistence", "fail", "its last write to the append-only file failed", "look at its disk")
    else:
        yield Finding("redis persistence", "ok", "append-only file")


def _info(client: "redis.Redis") -> dict[str, Any]:
    """INFO, because managed servers often refuse CONFIG."""
    told: dict[str, Any] = {}
    for section in ("server", "memory", "persistence", "replication"):
        told.update(client.info(section))
    return told


def _redis_clock(client: "redis.Redis") -> float:
    seconds, microseconds = client.time()
    return float(seconds) + float(microseconds) / 1e6


def _postgres(settings: Settings, endpoints: Endpoints) -> Iterator[Finding]:
    database = connection.connect(endpoints.database_url)
    with database.session() as session:
        number = str(session.rows("SHOW server_version")[0][0]).split()[0]
        skew_s = _skew_s(lambda: float(session.rows("SELECT extract(epoch FROM clock_timestamp())")[0][0]))
        is_replica = bool(session.rows("SELECT pg_is_in_recovery()")[0][0])
        vector = session.rows(
            "SELECT installed_version, default_version FROM pg_available_extensions WHERE name = 'vector'"
        )
    yield _server(settings, POSTGRES, f"PostgreSQL {number}")
    if _numbers(number) < OLDEST_POSTGRES:
        yield Finding("postgres version", "fail", f"{number} is too old", "run PostgreSQL 14 or later")
    if is_replica:
        yield Finding("postgres role", "fail", "it is a read-only replica", "set DATABASE_URL to the primary")
    yield _pgvector(vector)
    yield from _clock("postgres clock", skew_s)
    from storage.database import migrations  # noqa: PLC0415 - slow, and Redis is asked without

    waiting = migrations.pending(endpoints.database_url)
    if waiting:
        message = f"{len(waiting)} not applied: {', '.join(waiting)}"
        yield Finding("migrations", "fail", message, "run dewey migrate")
    else:
        yield Finding("migrations", "ok", "all applied")


def _pgvector(found: list[tuple[Any, ...]]) -> Finding:
    if not found:
        remedy = "install pgvector on the server (postgresql-NN-pgvector or pgvector)"
        return Finding("pgvector", "fail", "this PostgreSQL does not have it", remedy)
    installed, available = found[0]
    if installed is None:
        message = f"version {available} is there, but not created in this database"
        return Finding("pgvector", "fail", message, "run dewey migrate")
    from storage.database import migrations  # noqa: PLC0415 - as above

    if _numbers(str(installed)) < migrations.OLDEST_VECTOR:
        remedy = "update pgvector on the server, then run ALTER EXTENSION vector UPDATE"
        return Finding("pgvector", "fail", f"{installed} is too old", remedy)
    return Finding("pgvector", "ok", str(installed))


def _objects(settings: Settings, endpoints: Endpoints) -> Iterator[Finding]:
    store = open_store(settings, endpoints)
    if settings.s3_bucket is None:
        place = Path(str(endpoints.objects_dir))
        store.exists("doctor")
        yield Finding(OBJECTS, "ok", f"in the directory {place}")
        return
    # A HEAD on an object that need not be there: it asks for the bucket and for the right to read.
    store.exists("doctor")
    at = urlsplit(settings.s3_endpoint_url or "https://AWS")
    message = f"in the bucket {settings.s3_bucket} at {at.hostname}"
    if at.scheme == "http" and at.hostname not in _LOOPBACK:
        yield Finding(OBJECTS, "warn", f"{message}, unencrypted", "let S3_ENDPOINT_URL begin with https://")
    else:
        yield Finding(OBJECTS, "ok", message)


def _mail(settings: Settings) -> Iterator[Finding]:
    server = settings.smtp_server
    if server is None:
        yield Finding("mail", "warn", "SMTP_URL is not set: mail is printed, not sent", "set SMTP_URL to send it")
        return
    if server.sends_password_in_clear:
        message = f"the password of SMTP_URL crosses the network to {server.host} unencrypted"
        yield Finding("mail", "warn", message, "remove ?starttls=false from SMTP_URL, or use smtps://")
    if settings.mail_from == DEFAULT_SENDER:
        message = f"mail is sent from {settings.mail_from}, which most servers refuse"
        yield Finding("mail sender", "warn", message, "set MAIL_FROM to an address of yours")
    try:
        socket.create_connection((server.host, server.port), timeout=5.0).close()
    except OSError as error:
        raise StoreUnavailable(f"the mail server {server.host}:{server.port} did not answer: {error}") from error
    yield Finding("mail", "ok", f"{server.host}:{server.port} answers")


def _choices(settings: Settings) -> Iterator[Finding]:
    """Settings that are right and may yet not be meant."""
    if settings.demo_mode and settings.database_url is not None:
        message = "DEMO_MODE is on for a database that is not embedded: everybody's files are deleted now and then"
        remedy = f"unset DEMO_MODE unless this is a public demo; the files of {settings.demo_admin_email} stay"
        yield Finding("demo mode", "warn", message, remedy)
    elif settings.demo_mode:
        message = f"on: everybody's files but those of {settings.demo_admin_email} are deleted now and then"
        yield Finding("demo mode", "ok", message)
    if settings.gemini_api_key is None:
        message = "GEMINI_API_KEY is not set: search compares words, not meanings, and images are not described"
        yield Finding("gemini", "warn", message, "set GEMINI_API_KEY")
    else:
        yield Finding("gemini", "ok", f"{settings.embedding_model} embeds, {settings.vision_model} describes")
    if settings.dewey_queues:
        message = f"consumers started here serve only {', '.join(settings.dewey_queues)}"
        yield Finding("queues", "ok", message)
    if (settings.redis_url is None) != (settings.database_url is None):
        own, other = ("Redis", "PostgreSQL") if settings.redis_url is None else ("PostgreSQL", "Redis")
        setting = "REDIS_URL" if settings.redis_url is None else "DATABASE_URL"
        message = f"{other} is a server of yours and {own} is this machine's: other machines see other jobs or files"
        yield Finding("servers", "warn", message, f"set {setting} too, unless everything runs on this machine")


def _clock(subject: str, skew_s: float) -> Iterator[Finding]:
    if abs(skew_s) > LARGEST_SKEW_S:
        way = "ahead of" if skew_s > 0 else "behind"
        message = f"it is {abs(skew_s):.1f} s {way} this machine's: times shown here are off by that"
        yield Finding(subject, "warn", message, "synchronise both clocks (NTP)")
    else:
        yield Finding(subject, "ok", f"within {LARGEST_SKEW_S:.0f} s of this machine's")


def _skew_s(ask: Callable[[], float]) -> float:
    """How far another clock is ahead; the answer is taken to be from the middle of the question."""
    before_s = time.time()
    other_s = ask()
    return other_s - (before_s + time.time()) / 2


def _numbers(text: str) -> tuple[int, ...]:
    """The leading numbers of a version: (7, 2) of ``7.2-rc1``."""
    numbers = []
    for part in text.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)
