"""What every store of objects promises, over a directory and over S3; then what is the directory's own."""

import io
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.errors import ObjectMissing, StoreRefused
from storage.objects import BLOCK_BYTES, INCOMING, DirectoryObjects, ObjectStore, open_store
from storage.s3 import S3Objects
from storage.settings import load


@pytest.fixture(params=["directory_store", "s3_store"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    found: ObjectStore = request.getfixturevalue(request.param)
    return found


def content(store: ObjectStore, key: str) -> bytes:
    with store.open(key) as body:
        return b"".join(body)


def test_what_was_put_can_be_read(store: ObjectStore) -> None:
    assert store.put("files/ab/one", b"content") == 7
    assert content(store, "files/ab/one") == b"content"


def test_a_stream_larger_than_a_block_comes_back_in_blocks(store: ObjectStore) -> None:
    data = os.urandom(BLOCK_BYTES * 2 + 17)
    assert store.put("big", io.BytesIO(data)) == len(data)
    with store.open("big") as body:
        blocks = list(body)
    assert b"".join(blocks) == data
    assert max(map(len, blocks)) <= BLOCK_BYTES


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    store.put("empty", b"")
    assert content(store, "empty") == b""
    assert store.exists("empty")


def test_a_second_put_replaces_the_first(store: ObjectStore) -> None:
    store.put("one", b"longer than the second")
    store.put("one", b"second")
    assert content(store, "one") == b"second"


def test_the_head_tells_size_and_time(store: ObjectStore) -> None:
    store.put("one", b"content")
    info = store.head("one")
    assert info is not None
    assert (info.key, info.size_bytes) == ("one", 7)
    assert info.modified_at.tzinfo is UTC
    assert abs(info.modified_at - datetime.now(UTC)) < timedelta(minutes=1)
    with store.open("one") as body:
        assert body.info.size_bytes == 7


def test_what_is_not_there_is_missing(store: ObjectStore) -> None:
    assert store.head("none") is None
    assert not store.exists("none")
    with pytest.raises(ObjectMissing, match="none"):
        store.open("none")


def test_too_large_a_stream_is_refused_and_nothing_of_it_kept(store: ObjectStore) -> None:
    with pytest.raises(StoreRefused, match="larger than the 1,000 bytes"):
        store.put("large", io.BytesIO(b"x" * 1001), max_bytes=1000)
    assert not store.exists("large")
    assert store.put("large", io.BytesIO(b"x" * 1000), max_bytes=1000) == 1000


def test_too_large_a_stream_does_not_harm_what_was_there(store: ObjectStore) -> None:
    store.put("one", b"before")
    with pytest.raises(StoreRefused):
        store.put("one", io.BytesIO(b"x" * 1001), max_bytes=1000)
    assert content(store, "one") == b"before"


def test_a_stream_that_breaks_leaves_nothing(store: ObjectStore) -> None:
    class Broken:
        def read(self, size: int, /) -> bytes:
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        store.put("broken", Broken())
    assert not store.exists("broken")


def test_deleting_more_than_a_request_may_hold_deletes_them_all(store: ObjectStore) -> None:
    keys = [f"files/{number:04}" for number in range(1003)]
    present = [keys[0], keys[999], keys[1000], keys[1002]]
    for key in present:
        store.put(key, b"x")
    assert store.delete_many(iter(keys)) == {}
    assert not any(store.exists(key) for key in present)


def test_deleting_what_is_not_there_is_no_failure(store: ObjectStore) -> None:
    assert store.delete_many(["none", "nor/this"]) == {}
    assert store.delete_many([]) == {}


def test_a_body_left_half_way_closes_its_stream(store: ObjectStore) -> None:
    store.put("big", os.urandom(BLOCK_BYTES + 1))
    with store.open("big") as body:
        assert len(next(iter(body))) == BLOCK_BYTES
    body.close()


def _read_in_child(make: Callable[[], bytes], expected: bytes) -> int:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if make() == expected else 2
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_forked_child_can_use_the_store_and_so_can_its_parent_after_it(store: ObjectStore) -> None:
    store.put("one", b"content")
    assert _read_in_child(lambda: content(store, "one"), b"content") == 0
    assert content(store, "one") == b"content"


@pytest.mark.parametrize(
    "key",
    [
        "",
        ".",
        "..",
        "../out",
        "a/../../out",
        "/etc/passwd",
        "a//b",
        "a/",
        "a/.hidden",
        ".incoming/x",
        "a\0b",
        "é",
        "a\n",
        "x" * 513,
    ],
)
def test_a_key_that_could_leave_the_directory_is_refused(directory_store: DirectoryObjects, key: str) -> None:
    with pytest.raises(StoreRefused, match="is not a key"):
        directory_store.put(key, b"x")
    with pytest.raises(StoreRefused, match="is not a key"):
        directory_store.open(key)
    with pytest.raises(StoreRefused, match="is not a key"):
        directory_store.head(key)
    assert list(directory_store.delete_many([key])) == [key]


def test_a_directory_that_is_not_there_is_not_an_empty_store(tmp_path: Path) -> None:
    store = DirectoryObjects(tmp_path / "unmounted")
    with pytest.raises(StoreRefused, match="mounted"):
        store.head("one")
    with pytest.raises(StoreRefused, match="mounted"):
        store.delete_many(["one"])
    with pytest.raises(StoreRefused, match="mounted"):
        store.put("one", b"x")


def test_an_object_that_can_not_be_deleted_is_named_and_the_others_go(directory_store: DirectoryObjects) -> None:
    directory_store.put("one", b"x")
    assert list(directory_store.delete_many(["one/below", "../x", "one"])) == ["one/below", "../x"]
    assert not directory_store.exists("one")


def _put_often(root: Path, letter: bytes) -> None:
    store = DirectoryObjects(root)
    for _ in range(50):
        store.put("files/shared", letter * 100_000)


def test_processes_that_write_one_key_at_once_never_show_a_mixture(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    store = DirectoryObjects(tmp_path)
    store.put("files/shared", b"a" * 100_000)
    processes = [context.Process(target=_put_often, args=(tmp_path, letter)) for letter in (b"a", b"b")]
    for process in processes:
        process.start()
    while any(process.is_alive() for process in processes):
        seen = content(store, "files/shared")
        assert len(seen) == 100_000
        assert len(set(seen)) == 1
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert list((tmp_path / INCOMING).iterdir()) == []


def test_what_a_crashed_writer_left_goes_after_a_day(tmp_path: Path) -> None:
    incoming = tmp_path / INCOMING
    incoming.mkdir()
    (incoming / "old").write_bytes(b"x")
    (incoming / "new").write_bytes(b"x")
    yesterday = time.time() - 25 * 3600
    os.utime(incoming / "old", (yesterday, yesterday))
    DirectoryObjects(tmp_path)
    assert [path.name for path in incoming.iterdir()] == ["new"]


@dataclass(frozen=True, slots=True)
class Where:
    objects_dir: Path | None


def test_the_settings_choose_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3_store: S3Objects) -> None:
    monkeypatch.delenv("S3_BUCKET", raising=False)
    directory = open_store(load(None), Where(tmp_path / "new" / "objects"))
    directory.put("one", b"x")
    assert isinstance(directory, DirectoryObjects)
    monkeypatch.setenv("S3_BUCKET", s3_store.bucket)
    monkeypatch.setenv("S3_ENDPOINT_URL", str(s3_store.endpoint_url))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    bucket = open_store(load(None), Where(None))
    bucket.put("one", b"x")
    assert s3_store.exists("one")


def test_without_a_bucket_or_a_directory_there_is_no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("S3_BUCKET", raising=False)
    with pytest.raises(StoreRefused, match="S3_BUCKET"):
        open_store(load(None), Where(None))
