"""Any directory can be a home, of any user, and what is set is not started."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from storage import embedded
from storage.errors import SettingsError, StoreUnavailable
from storage.secret import Secret
from storage.servers import launch
from storage.servers.home import Home
from storage.settings import Settings
from tests.storage.embedded.users import ELSEWHERE, ROOT, USER, Users, client, query, ready, redis_only, status


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
        dewey_home=home, database_url=Secret(ELSEWHERE), redis_url="redis://127.0.0.1:1/0", s3_bucket="files"
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
