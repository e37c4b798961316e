"""The servers that tests run on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg2
import redis

from tests import servers


def test_each_test_starts_with_an_empty_redis(redis_client: redis.Redis) -> None:
    assert redis_client.dbsize() == 0
    redis_client.set("left", "behind")


def test_each_test_starts_with_an_empty_redis_again(redis_client: redis.Redis) -> None:
    assert redis_client.dbsize() == 0
    redis_client.set("left", "behind")


def test_each_test_has_its_own_database_with_pgvector(database_url: str) -> None:
    connection = psycopg2.connect(database_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT '[1,2]'::vector <=> '[1,2]'::vector")
            assert cursor.fetchone() == (0.0,)
    finally:
        connection.close()


def test_a_namespace_is_never_the_same(namespace: str) -> None:
    assert namespace.startswith("test-")


_SESSION = """
import os, signal, sys
from tests import servers
with servers.redis_server() as r, servers.postgres_server() as p:
    pids = [int(open(p.data_dir / "postmaster.pid").readline())]
    print(r.run_dir.parent, p.run_dir.parent, pids[0], flush=True)
    signal.pause()
"""


def test_a_killed_session_leaves_no_server_and_its_directories_are_swept() -> None:
    session = subprocess.Popen([sys.executable, "-c", _SESSION], stdout=subprocess.PIPE, text=True)
    try:
        assert session.stdout is not None
        redis_dir, postgres_dir, postmaster = session.stdout.readline().split()
    finally:
        os.kill(session.pid, signal.SIGKILL)
        session.communicate()
    servers.wait_until(lambda: not servers.is_alive(int(postmaster)), "PostgreSQL is gone")
    with servers.short_directory():
        assert not Path(redis_dir).exists()
        assert not Path(postgres_dir).exists()
