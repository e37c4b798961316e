"""Runs the child that opens a document, and hears it out: whatever happens to it, this process goes on.

The child gets no secret: its environment is made anew, its descriptors are closed, its Python is isolated.
It is always ended before `converse` returns.
"""

import json
import logging
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from importlib.util import find_spec
from pathlib import Path

from tasks.errors import DocumentTooLarge, EncryptedDocument, ServiceFailed, UnreadableDocument
from tasks.services.extraction.limits import MIB, Limits

Answer = dict[str, object]

_CHILD = Path(__file__).with_name("child.py")
_LIBRARIES = ("pypdf", "PIL", "cryptography")
_INHERITED = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ")
_BLOCK_BYTES = 1 << 16
_COMPLAINT_BYTES = 4096
_IMPORT_FAILED = re.compile("^(ImportError|ModuleNotFoundError)\\b", re.MULTILINE)
_OUT_OF_TIME = (signal.SIGXCPU, signal.SIGALRM)
_ENDED_FROM_OUTSIDE = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

log = logging.getLogger(__name__)


def converse(request: Mapping[str, object], limits: Limits, *, name: str) -> Generator[Answer, None, None]:
    """What the child says about the document that `request` names, answer by answer, as it says it.

    Raises:
        UnreadableDocument: or one of its leaves; the child could not read it, or did not survive it.
        ServiceFailed: the child could not be started, or was ended from outside.
    """
    process = _start(request, limits)
    try:
        yield from _answers(process, limits, name)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def _start(request: Mapping[str, object], limits: Limits) -> "subprocess.Popen[bytes]":
    order = dict(request) | {
        "parent_pid": os.getpid(),
        "library_paths": _library_paths(),
        "pages": limits.pages,
        "characters": limits.characters,
        "pixels": limits.pixels,
        "memory_bytes": limits.memory_bytes,
        "cpu_s": limits.cpu_s,
        "wall_s": limits.wall_s,
    }
    environment = {key: os.environ[key] for key in _INHERITED if key in os.environ}
    try:
        return subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", str(_CHILD), json.dumps(order)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment | {"LC_ALL": "C.UTF-8", "PATH": os.defpath},
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise ServiceFailed(f"the process that reads documents can not be started: {error}") from error


def _library_paths() -> list[str]:
    """Where this process would import the child's libraries from; an isolated one may not look there."""
    paths = []
    for library in _LIBRARIES:
        spec = find_spec(library)
        if spec is not None and spec.origin is not None:
            paths.append(str(Path(spec.origin).resolve().parent.parent))
    return list(dict.fromkeys(paths))


def _answers(process: "subprocess.Popen[bytes]", limits: Limits, name: str) -> Generator[Answer, None, None]:
    ready, complaint = False, bytearray()
    for line in _lines(process, limits, name, complaint):
        try:
            answer = json.loads(line)
        except ValueError:
            raise UnreadableDocument(f"{name} can not be read: its reader answered rubbish") from None
        if "failed" in answer:
            raise _failure(name, answer)
        if "done" in answer:
            return
        if "ready" in answer:
            ready = True
        else:
            yield answer
    raise _silence(process, name, ready, complaint)


def _lines(
    process: "subprocess.Popen[bytes]", limits: Limits, name: str, complaint: bytearray
) -> Generator[bytes, None, None]:
    """The lines of the child's output until it closes it; what it complains of goes into `complaint`."""
    if process.stdout is None or process.stderr is None:
        raise ServiceFailed("the process that reads documents has no pipes")
    deadline = time.monotonic() + limits.wall_s
    left_bytes = 12 * limits.characters + 32 * MIB
    pending: list[bytes] = []
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        selector.register(process.stderr, selectors.EVENT_READ)
        while True:
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready and time.monotonic() >= deadline:
                raise DocumentTooLarge(f"{name} takes longer than {limits.wall_s:g} s to read")
            for key, _ in ready:
                block = os.read(key.fd, _BLOCK_BYTES)
                if key.fileobj is process.stderr:
                    complaint += block
                    del complaint[:-_COMPLAINT_BYTES]
                    if not block:
                        selector.unregister(process.stderr)
                    continue
                left_bytes -= len(block)
                if left_bytes < 0:
                    raise DocumentTooLarge(f"{name} holds more text than can be taken")
                *ends, rest = block.split(b"\n")
                for end in ends:
                    yield b"".join((*pending, end))
                    pending = []
                pending.append(rest)
                if not block:
                    return


def _failure(name: str, answer: Answer) -> UnreadableDocument:
    reason = answer.get("reason")
    if answer["failed"] == "encrypted":
        return EncryptedDocument(f"{name} is encrypted: {reason}; upload it without one")
    if answer["failed"] == "large":
        return DocumentTooLarge(f"{name} is too large: {reason}")
    return UnreadableDocument(f"{name} can not be read: it is damaged or not what it seems ({reason})")


def _silence(
    process: "subprocess.Popen[bytes]", name: str, ready: bool, complaint: bytearray
) -> UnreadableDocument | ServiceFailed:
    """Why a child closed its output without a last word."""
    try:
        code = process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        code = 0
    words = complaint.decode("utf-8", "replace").strip()
    log.warning("the reader of a document ended with %s: %s", code, words or "no word")
    if -code in _OUT_OF_TIME:
        return DocumentTooLarge(f"{name} takes too much computing time to read")
    if not ready or -code in _ENDED_FROM_OUTSIDE or _IMPORT_FAILED.search(words):
        why = words.rpartition("\n")[2] or f"exit code {code}"
        return ServiceFailed(f"the process that reads documents did not do its work: {why}")
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return UnreadableDocument(f"{name} can not be read: the process that read it did not survive it ({how})")
