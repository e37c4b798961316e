"""The embedded servers' life: shared, left, crashed, killed, and back with their data."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from storage import embedded
from storage.errors import StoreUnavailable
from storage.servers import launch, report
from storage.servers.home import Home, try_lock
from storage.settings import Settings
from tests import servers
from tests.storage.embedded.users import ROOT, Users, client, query, ready, status, wait_gone, wait_stopped


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
        # Stopped as it is, it would outlive a failure of this test.
        if servers.is_alive(server):
            os.kill(server, signal.SIGKILL)


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
        embedded.attach(Settings(dewey_home=home))
    embedded.detach()


def test_a_half_made_cluster_is_made_again_and_a_reused_pid_is_no_running_server(home: Path, users: Users) -> None:
    (home / "postgres.new-half" / "base").mkdir(parents=True)
    user = users.start().read()
    assert not (home / "postgres.new-half").exists()
    user.leave()
    wait_stopped(home)
    # A process of the very user that PostgreSQL runs as: any other it would not take for itself.
    command = launch.wrapped([sys.executable, "-c", "input()"], identity=launch.unprivileged_identity())
    other = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        (home / "postgres" / "postmaster.pid").write_text(f"{other.pid}\n{home / 'postgres'}\n0\n5432\n")
        users.start().read()
        assert status(home, "postgres").phase == "ready"
        assert other.poll() is None
    finally:
        other.kill()
        other.communicate()
