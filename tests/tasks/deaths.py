"""Attempts that die: a process of its own runs one attempt, and SIGKILLs itself at a given point of it."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import storage.chunks
import storage.files
import tasks.ingestion
import tasks.services.lexical
from storage.embedded import Endpoints
from storage.objects import Body
from storage.settings import Settings
from tasks import resources
from tasks.app import huey
from tasks.resources import Resources

LEASE_S = 0.3
SURVIVED = 99


@dataclass(frozen=True, slots=True)
class Point:
    """Right before or after a call of the function ``owner.name``."""

    when: Literal["before", "after"]
    owner: Any
    name: str

    def mine(self) -> None:
        """Make the first call end this process."""
        function: Callable[..., Any] = getattr(self.owner, self.name)

        def die_here(*args: Any, **kwargs: Any) -> None:
            if self.when == "after":
                function(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(self.owner, self.name, die_here)


class Halfway:
    """In the middle of an object's bytes."""

    def mine(self) -> None:
        read = Body.__iter__

        def read_half(body: Body) -> Iterator[bytes]:
            for block in read(body):
                yield block[: len(block) // 2]
                os.kill(os.getpid(), signal.SIGKILL)

        Body.__iter__ = read_half  # type: ignore[method-assign]  # this process ends by it


POINTS: dict[str, Point | Halfway] = {
    "before it begins": Point("before", storage.files, "begin_processing"),
    "after it began": Point("after", storage.files, "begin_processing"),
    "in the middle of the download": Halfway(),
    "before the content is claimed": Point("before", storage.files, "claim_content"),
    "after the content was claimed": Point("after", tasks.ingestion, "_claim"),
    "after the extraction": Point("after", tasks.ingestion, "extract"),
    "before the chunks are embedded": Point("before", tasks.services.lexical.LexicalEmbedder, "embed_documents"),
    "after the chunks were embedded": Point("after", tasks.services.lexical.LexicalEmbedder, "embed_documents"),
    "before the transaction commits": Point("after", storage.files, "complete"),
    "after the transaction committed": Point("after", storage.chunks, "replace_and_complete"),
    "before the duplicate is committed": Point("after", storage.files, "mark_duplicate"),
    "before the object of the duplicate is dropped": Point("before", tasks.ingestion, "_drop_object"),
    "after the object of the duplicate was dropped": Point("after", tasks.ingestion, "_drop_object"),
    "after the reservation was deleted": Point("after", storage.files, "delete_reservation"),
    "before the failure is noted": Point("before", storage.files, "mark_failed"),
    "after the failure was noted": Point("after", storage.files, "mark_failed"),
}


def die_at(point: str, namespace: str, settings: Settings, endpoints: Endpoints) -> int:
    """Run one attempt of the first job in line in a process that dies at the point; answers its exit code."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=_run, args=(point, namespace, settings, endpoints))
    process.start()
    process.join(30)
    code = process.exitcode
    process.kill()
    process.join()
    process.close()
    assert code is not None, f"the attempt that was to die {point} hangs"
    return code


def _run(point: str, namespace: str, settings: Settings, endpoints: Endpoints) -> None:
    resources.use(Resources(settings, endpoints))
    huey.name, huey.lease_s = namespace, LEASE_S
    huey.storage = huey.create_storage()
    POINTS[point].mine()
    huey.execute(huey.dequeue())
    os._exit(SURVIVED)
