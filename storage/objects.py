"""Where the bytes of files are kept: one protocol, over S3 and its like (storage/s3.py) or over a directory.

A key is opaque; what an object is called, and whose it is, stands in the row that has its key. What was
put is there, whole, when ``put`` returns, and nobody sees it before.
"""

import contextlib
import errno
import os
import re
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self

from msgspec import Struct

from storage.errors import ObjectMissing, StoreRefused, StoreUnavailable
from storage.settings import Settings

BLOCK_BYTES = 2**20
"""How much is read at a time."""
DEFAULT_TYPE = "application/octet-stream"
SAFE_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
"""What a directory may be asked for: no segment is empty or starts with a dot, so no key leaves it."""
LONGEST_KEY = 512
INCOMING = ".incoming"
"""Where a directory keeps what is half written; no key can name it."""
INCOMING_KEPT_S = 24 * 3600


class Readable(Protocol):
    """What can be put: a file that is open for reading bytes, or anything with its ``read``."""

    def read(self, size: int, /) -> bytes: ...


class ObjectInfo(Struct, frozen=True):
    """What a store knows of an object."""

    key: str
    size_bytes: int
    modified_at: datetime


class Body:
    """The bytes of one object, in blocks, once. Reading to the end closes it; so does leaving a `with`."""

    def __init__(self, info: ObjectInfo, blocks: Generator[bytes, None, None], stream: IO[bytes]) -> None:
        self.info = info
        self._blocks = blocks
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._blocks
        finally:
            self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives back the connection or the file; again is no harm."""
        self._blocks.close()
        self._stream.close()


class ObjectStore(Protocol):
    """Where the bytes of files are kept.

    Every method raises StoreUnavailable when the store did not answer, and StoreRefused when it will not:
    no such bucket or directory, no right, a key that it does not take.
    """

    def put(
        self,
        key: str,
        body: bytes | Readable,
        *,
        content_type: str = DEFAULT_TYPE,
        max_bytes: int | None = None,
    ) -> int:
        """Keeps the bytes under the key, in the place of any before, and answers how many they were.

        More than ``max_bytes`` are refused, and nothing is kept of them.
        """

    def open(self, key: str) -> Body:
        """The bytes under the key.

        Raises: ObjectMissing here; StoreUnavailable also while they are read, when they end too soon.
        """

    def head(self, key: str) -> ObjectInfo | None:
        """What is known of the object; None when there is none."""

    def exists(self, key: str) -> bool:
        """Whether there is an object."""

    def delete_many(self, keys: Iterable[str]) -> dict[str, str]:
        """Deletes objects, and answers why for each key that could not be; one already gone is no failure."""


class HasObjectsDir(Protocol):
    """Where the servers are, as far as objects are concerned."""

    @property
    def objects_dir(self) -> Path | None: ...


def open_store(settings: Settings, endpoints: HasObjectsDir) -> ObjectStore:
    """The store that the settings name: a bucket, or else the directory of the embedded default."""
    if settings.s3_bucket is None:
        if endpoints.objects_dir is None:
            raise StoreRefused("there is neither a bucket nor a directory for objects; set S3_BUCKET")
        endpoints.objects_dir.mkdir(parents=True, exist_ok=True)
        return DirectoryObjects(endpoints.objects_dir)
    # Deferred: boto3 takes a quarter of a second that nobody without a bucket should wait for.
    from storage.s3 import S3Objects  # noqa: PLC0415

    return S3Objects.of(settings)


class DirectoryObjects:
    """Objects as files of a directory, whose parts are the segments of the key.

    A directory that is missing is an error, never an empty store: it may only not be mounted.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._sweep()

    def put(
        self,
        key: str,
        body: bytes | Readable,
        *,
        content_type: str = DEFAULT_TYPE,  # noqa: ARG002 - a directory has no place for it
        max_bytes: int | None = None,
    ) -> int:
        path = self._path(key)
        with self._translated(key):
            incoming = self._root / INCOMING
            incoming.mkdir(exist_ok=True)
            handle, name = tempfile.mkstemp(dir=incoming)
        try:
            with open(handle, "wb") as file:
                for block in blocks_of(body, key, max_bytes):
                    with self._translated(key):
                        file.write(block)
                with self._translated(key):
                    file.flush()
                    os.fsync(file.fileno())
                    size_bytes = file.tell()
            with self._translated(key):
                self._place(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
        return size_bytes

    def open(self, key: str) -> Body:
        with self._translated(key):
            stream = self._path(key).open("rb")
        return Body(self._info(key, os.fstat(stream.fileno())), self._blocks(key, stream), stream)

    def head(self, key: str) -> ObjectInfo | None:
        try:
            with self._translated(key):
                return self._info(key, self._path(key).stat())
        except ObjectMissing:
            return None

    def exists(self, key: str) -> bool:
        return self.head(key) is not None

    def delete_many(self, keys: Iterable[str]) -> dict[str, str]:
        failures: dict[str, str] = {}
        for key in keys:
            try:
                with self._translated(key):
                    self._path(key).unlink()
            except ObjectMissing:
                continue
            except (StoreRefused, StoreUnavailable) as error:
                if not self._root.is_dir():
                    raise
                failures[key] = str(error)
        return failures

    def _path(self, key: str) -> Path:
        if len(key) > LONGEST_KEY or not SAFE_KEY.fullmatch(key):
            raise StoreRefused(
                f"{key[:LONGEST_KEY]!r} is not a key for a directory: "
                f"expected at most {LONGEST_KEY} letters, digits, '_', '-', '.' and single '/', "
                "and no segment that starts with '.'"
            )
        return self._root / key

    def _place(self, name: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(name, path)
        for directory in (path.parent, *path.parent.parents):
            _fsync(directory)
            if directory == self._root:
                return

    def _info(self, key: str, stat: os.stat_result) -> ObjectInfo:
        return ObjectInfo(key, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))

    def _blocks(self, key: str, stream: IO[bytes]) -> Generator[bytes, None, None]:
        with self._translated(key):
            while block := stream.read(BLOCK_BYTES):
                yield block

    @contextlib.contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, IsADirectoryError) as error:
            if not self._root.is_dir():
                raise StoreRefused(
                    f"the directory of objects, {self._root}, is not there; is its disk mounted?"
                ) from error
            raise ObjectMissing(f"there is no object {key}") from error
        except OSError as error:
            words = f"{self._root}: {error.strerror} ({key})"
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE):
                raise StoreUnavailable(words) from error
            raise StoreRefused(words) from error

    def _sweep(self) -> None:
        """Deletes what crashed writers left half written a day ago or more."""
        with contextlib.suppress(OSError):
            for left in (self._root / INCOMING).iterdir():
                if time.time() - left.stat().st_mtime > INCOMING_KEPT_S:
                    left.unlink()


def blocks_of(body: bytes | Readable, key: str, max_bytes: int | None) -> Iterator[bytes]:
    """The bytes in blocks.

    Raises: StoreRefused as soon as there are more than ``max_bytes``.
    """
    size_bytes = 0
    start = 0
    while True:
        if isinstance(body, bytes):
            block = body[start : start + BLOCK_BYTES]
            start += len(block)
        else:
            block = body.read(BLOCK_BYTES)
        if not block:
            return
        size_bytes += len(block)
        if max_bytes is not None and size_bytes > max_bytes:
            raise StoreRefused(f"{key} is larger than the {max_bytes:,} bytes that a file may have")
        yield block


def _fsync(directory: Path) -> None:
    """Makes the names in a directory survive a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
