"""The embedded servers, with real processes that come, leave, crash and are killed."""

import contextlib
import json
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest
import redis

from storage import embedded
from storage.embedded import ServerStatus
from storage.errors import SettingsError, StoreUnavailable
from storage.servers import launch, report
from storage.servers.home import Home, is_locked, try_lock
from storage.settings import Settings
from tests import servers

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = "postgresql://user:password@127.0.0.1:1/elsewhere"

# A user of a home: attaches, says what it found, and leaves when its stdin ends. With "fork" a child stays.
USER = """
import json, os, sys
from pathlib import Path
from storage import embedded
from storage.settings import load
endpoints = embedded.attach(load(None))
sys.stdin.readline() if "fork" in sys.argv and os.fork() else None
print(json.dumps([os.getpid(), endpoints.redis_url, endpoints.database_url]), flush=True)
sys.stdin.read()
"""


@dataclass
class User:
    """Another process that uses a home."""

    process: subprocess.Popen[str]
    pid: int = 0
    redis_url: str = ""
    database_url: str = ""

    def read(self) -> "User":
        """Wait until it is attached."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the user ended before it was attached"
        self.pid, self.redis_url, self.database_url = json.loads(line)
        return self

    def leave(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(timeout=20)
        self.process.stdout.close()

    def kill(self) -> None:
        self.process.kill()
        self.leave()


class Users:
    """The users that one test makes; those left at its end are killed, and their servers awaited."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.made: list[User] = []

    def start(self, *arguments: str, **environment: str) -> User:
        return self.start_as(None, *arguments, **environment)

    def start_as(self, identity: launch.Identity | None, *arguments: str, **environment: str) -> User:
        command = [sys.executable, "-c", USER, *arguments]
        if identity is not None:
            command = launch.wrapped(command, identity=identity)
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "DEWEY_HOME": str(self.home), **environment},
        )
        self.made.append(User(process))
        return self.made[-1]

    def redis_only(self, *arguments: str, **environment: str) -> User:
        return self.start(*arguments, DATABASE_URL=ELSEWHERE, **environment)

    def close(self) -> None:
        for user in self.made:
            user.kill()
        wait_stopped(self.home)


@pytest.fixture
def home() -> Iterator[Path]:
    with servers.short_directory() as directory:
        yield directory / "home"


@pytest.fixture
def users(home: Path) -> Iterator[Users]:
    made = Users(home)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def attached(home: Path) -> Iterator[Settings]:
    """Settings under which this process may attach; it is detached afterwards."""
    try:
        yield redis_only(home)
    finally:
        embedded.detach()
        wait_stopped(home)


def redis_only(home: Path) -> Settings:
    return Settings(_env_file=None, dewey_home=home, database_url=ELSEWHERE)


def status(home: Path, name: str = "redis") -> ServerStatus:
    return next(item for item in embedded.status(home) if item.name == name)


def ready(home: Path, name: str = "redis") -> tuple[int, int]:
    """The pids of the server and of its keeper."""
    found = status(home, name)
    assert found.phase == "ready", found
    assert found.server_pid is not None
    assert found.keeper_pid is not None
    return found.server_pid, found.keeper_pid


def wait_stopped(home: Path) -> None:
    def is_stopped() -> bool:
        locks = [lock for lock in (home / "run").glob("*.lock") if is_locked(lock)]
        return not locks

    servers.wait_until(is_stopped, f"nothing of {home} runs")


def wait_gone(*pids: int) -> None:
    servers.wait_until(lambda: not any(servers.is_alive(pid) for pid in pids), f"{pids} are gone")


@contextlib.contextmanager
def client(url: str) -> Iterator["redis.Redis"]:
    connection = redis.Redis.from_url(url)
    try:
        yield connection
    finally:
        connection.close()


def query(url: str, *statements: str) -> list[tuple[object, ...]]:
    """The rows of the last statement."""
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description is not None else []
    finally:
        connection.close()


def test_processes_that_attach_at_once_share_one_server_of_each_kind(home: Path, users: Users) -> None:
    started = [users.start() for _ in range(4)]
    found = [user.read() for user in started]
    assert len({(user.redis_url, user.database_url) for user in found}) == 1
    assert status(home).users == status(home, "postgres").users == tuple(sorted(user.pid for user in found))
    assert (status(home).restarts, status(home, "postgres").restarts) == (0, 0)
    with client(found[0].redis_url) as connection:
        settings = connection.config_get("*")
        assert settings["appendonly"] == "yes"
        assert settings["appendfsync"] == "everysec"
        assert settings["maxmemory-policy"] == "noeviction"
        assert settings["port"] == "0"
    assert query(found[0].database_url, "SELECT '[1,2]'::vector <-> '[1,3]'::vector") == [(1.0,)]
    assert query(found[0].database_url, "SHOW listen_addresses") == [("",)]
    for private in (home, home / "run", home / "run" / "pg", home / "redis", home / "postgres", home / "objects"):
        assert private.stat().st_mode & 0o077 == 0, private


def test_servers_stop_when_the_last_user_leaves_and_not_before(home: Path, users: Users) -> None:
    first, second = users.start().read(), users.start().read()
    pids = (*ready(home), *ready(home, "postgres"))
    first.leave()
    with client(second.redis_url) as connection:
        assert connection.ping()
    assert pids == (*ready(home), *ready(home, "postgres"))
    second.leave()
    wait_gone(*pids)
    assert {item.phase for item in embedded.status(home)} == {"stopped"}
    assert not list((home / "run").glob("*.json"))
    assert not (home / "run" / "redis.sock").exists()


def test_data_survives_a_stop(home: Path, users: Users) -> None:
    user = users.start().read()
    with client(user.redis_url) as connection:
        connection.set("kept", "yes")
    query(user.database_url, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7)")
    user.leave()
    wait_stopped(home)
    again = users.start().read()
    with client(again.redis_url) as connection:
        assert connection.get("kept") == b"yes"
    assert query(again.database_url, "SELECT n FROM kept") == [(7,)]


def test_a_killed_user_has_left(home: Path, users: Users) -> None:
    user = users.start().read()
    pids = (*ready(home), *ready(home, "postgres"))
    user.kill()
    wait_gone(*pids)


def test_a_forked_child_goes_on_using_the_server_after_its_parent_has_ended(home: Path, users: Users) -> None:
    parent = users.redis_only("fork")
    child_pid = parent.read().pid
    assert child_pid != parent.process.pid
    os.kill(parent.process.pid, signal.SIGKILL)
    parent.process.wait(timeout=20)
    with client(parent.redis_url) as connection:
        assert connection.ping()
    servers.wait_until(lambda: status(home).users == (child_pid,), "only the child uses it")
    pids = ready(home)
    os.kill(child_pid, signal.SIGKILL)
    wait_gone(*pids)


def test_a_killed_keeper_takes_its_servers_and_the_next_attach_finds_all_data(home: Path, users: Users) -> None:
    user = users.start().read()
    with client(user.redis_url) as connection:
        connection.set("kept", "yes")
    query(user.database_url, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7)")
    pids = (*ready(home), *ready(home, "postgres"))
    os.kill(ready(home)[1], signal.SIGKILL)
    os.kill(ready(home, "postgres")[1], signal.SIGKILL)
    again = users.start().read()
    wait_gone(*pids)
    with client(again.redis_url) as connection:
        assert connection.get("kept") == b"yes"
    assert query(again.database_url, "SELECT n FROM kept") == [(7,)]


def test_everything_killed_at_once_leaves_nothing_that_the_next_start_minds(home: Path, users: Users) -> None:
    user = users.start().read()
    with client(user.redis_url) as connection:
        connection.set("kept", "yes")
    query(user.database_url, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7)")
    for pid in (*ready(home), *ready(home, "postgres"), user.pid):
        os.kill(pid, signal.SIGKILL)
    again = users.start().read()
    with client(again.redis_url) as connection:
        assert connection.get("kept") == b"yes"
    assert query(again.database_url, "SELECT n FROM kept") == [(7,)]


def test_a_killed_redis_is_back_with_its_data(home: Path, users: Users) -> None:
    user = users.redis_only().read()
    with client(user.redis_url) as connection:
        for round_number in range(3):
            connection.set("kept", round_number)
            killed, keeper = ready(home)
            os.kill(killed, signal.SIGKILL)
            servers.wait_until(lambda: status(home).restarts > round_number, "it is being started again")  # noqa: B023
            servers.wait_until(lambda: status(home).phase == "ready", "it is ready again")
            assert connection.get("kept") == str(round_number).encode()
            assert ready(home)[0] != killed
            assert ready(home)[1] == keeper


def test_a_killed_postgres_is_back_with_its_data(home: Path, users: Users) -> None:
    user = users.start(REDIS_URL="redis://127.0.0.1:1/0").read()
    query(user.database_url, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7)")
    os.kill(ready(home, "postgres")[0], signal.SIGKILL)
    servers.wait_until(lambda: status(home, "postgres").restarts == 1, "it is being started again")
    servers.wait_until(lambda: status(home, "postgres").phase == "ready", "it is ready again")
    assert query(user.database_url, "SELECT n FROM kept") == [(7,)]


def test_a_terminated_keeper_stops_its_server_and_attaching_again_starts_it(home: Path, attached: Settings) -> None:
    embedded.attach(attached)
    pids = ready(home)
    os.kill(pids[1], signal.SIGTERM)
    wait_gone(*pids)
    assert status(home).phase == "stopped"
    embedded.attach(attached)
    assert ready(home)[0] != pids[0]


def test_attaching_twice_in_one_process_is_one_use(home: Path, attached: Settings) -> None:
    first, second = embedded.attach(attached), embedded.attach(attached)
    assert first == second
    assert status(home).users == (os.getpid(),)
    pids = ready(home)
    embedded.detach()
    wait_gone(*pids)


def test_a_keeper_is_out_of_reach_of_the_terminal_and_knows_no_secret(home: Path, users: Users) -> None:
    users.redis_only(GEMINI_API_KEY="hunter2").read()
    _server, keeper = ready(home)
    assert os.getsid(keeper) != os.getsid(0)
    assert b"hunter2" not in Path(f"/proc/{keeper}/environ").read_bytes()
    os.kill(keeper, signal.SIGINT)
    os.kill(keeper, signal.SIGHUP)
    assert ready(home)[1] == keeper


def test_a_server_that_does_not_go_is_ended_before_the_next_is_started(home: Path, users: Users) -> None:
    users.redis_only().read()
    server, keeper = ready(home)
    os.kill(server, signal.SIGSTOP)
    os.kill(keeper, signal.SIGKILL)
    wait_gone(keeper)
    program = (
        "import sys; from pathlib import Path; from storage.servers.home import Home;"
        "from storage.servers.keeper import Keeper, Patience;"
        "Keeper(Home(Path(sys.argv[1])), 'redis', Patience(leftovers_s=0.1)).run()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    impatient = subprocess.Popen([sys.executable, "-c", program, str(home)], env=environment)
    try:
        wait_gone(server)
        servers.wait_until(lambda: Home(home).server("redis").is_ready(), "the next one answers")
    finally:
        impatient.terminate()
        impatient.wait(timeout=20)


def test_a_server_that_can_not_live_is_given_up_with_the_reason(home: Path) -> None:
    Home(home).prepare()
    lock = try_lock(Home(home).users_lock("redis"), shared=True)
    assert lock is not None
    program = (
        "import sys; from pathlib import Path; from storage.servers.home import Home;"
        "from storage.servers.keeper import Keeper, Patience;"
        "Keeper(Home(Path(sys.argv[1])), 'redis', Patience(most_short_lives=2)).run()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    keeper = subprocess.Popen([sys.executable, "-c", program, str(home)], env=environment, stderr=subprocess.DEVNULL)
    try:
        killed: set[int] = set()

        def is_given_up() -> bool:
            found = report.read(Home(home).report_path("redis"))
            if found is not None and found.phase == "ready" and found.server_pid not in (None, *killed):
                assert found.server_pid is not None
                os.kill(found.server_pid, signal.SIGKILL)
                killed.add(found.server_pid)
            return keeper.poll() is not None

        servers.wait_until(is_given_up, "the keeper gave up")
        assert len(killed) == 3
        assert status(home).phase == "failed"
        assert "ended 3 times right after its start" in status(home).error
    finally:
        keeper.kill()
        keeper.wait(timeout=20)
        os.close(lock)


def test_the_torn_end_of_a_log_of_commands_is_cut_off(home: Path, users: Users) -> None:
    user = users.redis_only().read()
    with client(user.redis_url) as connection:
        connection.set("kept", "yes")
    user.leave()
    wait_stopped(home)
    with (home / "redis" / "appendonly.aof").open("ab") as log:
        log.write(b"*3\r\n$3\r\nSET\r\n$4\r\nto")
    with client(users.redis_only().read().redis_url) as connection:
        assert connection.get("kept") == b"yes"
        assert connection.dbsize() == 1


def test_data_that_can_not_be_read_is_explained_and_attach_works_once_it_is_mended(
    home: Path, attached: Settings
) -> None:
    log = home / "redis" / "appendonly.aof"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"this is no log of commands\r\n" * 10)
    with pytest.raises(StoreUnavailable, match="Bad file format reading the append only file") as caught:
        embedded.attach(attached)
    assert "REDIS_URL" in str(caught.value)
    assert str(home / "log" / "redis.log") in str(caught.value)
    assert status(home).phase == "failed"
    wait_stopped(home)
    log.unlink()
    embedded.attach(attached)
    assert status(home).phase == "ready"


def test_a_cluster_of_another_version_is_refused_with_what_to_do(home: Path, attached: Settings) -> None:
    (home / "postgres").mkdir(parents=True)
    (home / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(StoreUnavailable, match=r"was made by PostgreSQL 9, and 18.* is installed"):
        embedded.attach(Settings(_env_file=None, dewey_home=home))
    embedded.detach()


def test_a_half_made_cluster_is_made_again_and_a_reused_pid_is_no_running_server(home: Path, users: Users) -> None:
    (home / "postgres.new-half" / "base").mkdir(parents=True)
    user = users.start().read()
    assert not (home / "postgres.new-half").exists()
    user.leave()
    wait_stopped(home)
    (home / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{home / 'postgres'}\n0\n5432\n")
    users.start().read()
    assert status(home, "postgres").phase == "ready"


@pytest.mark.parametrize("name", ["long-" * 40, 'a, b\'s "home" & ä'])
def test_any_path_can_be_a_home(home: Path, name: str) -> None:
    made = Users(home / name)
    try:
        user = made.start().read()
        with client(user.redis_url) as connection:
            assert connection.ping()
        assert query(user.database_url, "SELECT 1") == [(1,)]
        sockets = Path(user.redis_url.removeprefix("unix://").partition("?")[0]).parent
        assert sockets.stat().st_mode & 0o077 == 0
    finally:
        made.close()
    assert not sockets.exists()


def test_a_socket_directory_that_somebody_else_made_is_not_used(home: Path, attached: Settings) -> None:
    long = Home(home / ("long-" * 40))
    squatted = long.server("redis").run_dir
    squatted.mkdir(mode=0o755)
    try:
        with pytest.raises(StoreUnavailable, match="is not a private directory"):
            embedded.attach(redis_only(long.path))
    finally:
        squatted.rmdir()


def test_only_what_is_not_set_is_started(home: Path, users: Users) -> None:
    user = users.redis_only().read()
    assert user.database_url == ELSEWHERE
    assert status(home).phase == "ready"
    assert status(home, "postgres").phase == "stopped"
    assert not (home / "postgres").exists()


def test_nothing_is_made_when_everything_is_set(home: Path) -> None:
    settings = Settings(
        _env_file=None, dewey_home=home, database_url=ELSEWHERE, redis_url="redis://127.0.0.1:1/0", s3_bucket="files"
    )
    endpoints = embedded.attach(settings)
    assert endpoints == embedded.Endpoints("redis://127.0.0.1:1/0", ELSEWHERE, None, frozenset())
    assert endpoints == embedded.endpoints_without_starting(settings)
    assert not home.exists()


def test_asking_where_everything_is_starts_nothing(home: Path, users: Users) -> None:
    settings = redis_only(home)
    assert embedded.endpoints_without_starting(settings) is None
    assert not home.exists()
    user = users.redis_only().read()
    found = embedded.endpoints_without_starting(settings)
    assert found is not None
    assert found.redis_url == user.redis_url
    assert found.objects_dir == home / "objects"
    assert found.embedded == {"redis", "objects"}


def test_a_home_that_is_a_file_is_refused(home: Path) -> None:
    home.write_text("")
    with pytest.raises(SettingsError, match=r"DEWEY_HOME=.* set it to a directory that you can write"):
        embedded.attach(redis_only(home))


root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def somebody(home: Path) -> launch.Identity:
    """An ordinary user, who owns the home."""
    entry = pwd.getpwnam("nobody")
    home.mkdir(mode=0o700)
    os.chown(home, entry.pw_uid, entry.pw_gid)
    return launch.Identity(entry.pw_uid, entry.pw_gid)


@root_only
def test_an_ordinary_user_runs_everything_under_their_own_name(
    home: Path, users: Users, somebody: launch.Identity
) -> None:
    user = users.start_as(somebody, HOME=str(home)).read()
    with client(user.redis_url) as connection:
        assert connection.ping()
    assert query(user.database_url, "SELECT 1") == [(1,)]
    for pid in (*ready(home), *ready(home, "postgres"), user.pid):
        assert Path(f"/proc/{pid}").stat().st_uid == somebody.uid
    assert all(path.lstat().st_uid == somebody.uid for path in home.rglob("*"))


@root_only
def test_root_does_not_mix_its_files_into_somebody_elses_home(
    home: Path, users: Users, somebody: launch.Identity
) -> None:
    users.start_as(somebody, HOME=str(home), DATABASE_URL=ELSEWHERE).read()
    with pytest.raises(SettingsError, match=f"is kept by user {somebody.uid}, and this is user 0"):
        embedded.attach(redis_only(home))


@root_only
def test_as_root_postgres_is_nobody_who_can_only_read_and_redis_and_the_home_stay_closed(
    home: Path, users: Users
) -> None:
    users.start().read()
    server = ready(home, "postgres")[0]
    lines = Path(f"/proc/{server}/status").read_text().splitlines()
    told = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    assert told["Uid"] == [str(pwd.getpwnam("nobody").pw_uid)] * 4
    assert told["NoNewPrivs"] == ["1"]
    assert int(told["CapEff"][0], 16) in (1 << 2, 1 << 1)
    assert (home / "postgres").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    assert home.stat().st_mode & 0o077 == 0


@root_only
def test_a_home_that_an_ordinary_user_can_not_write_is_refused(home: Path, somebody: launch.Identity) -> None:
    os.chown(home, 0, 0)
    command = launch.wrapped([sys.executable, "-c", USER], identity=somebody)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DEWEY_HOME": str(home), "DATABASE_URL": ELSEWHERE}
    finished = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )
    assert f"DEWEY_HOME={home} can not be used (Permission denied)" in finished.stderr
