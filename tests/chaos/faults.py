"""A fault registry at the broker's seam: what happens to the n-th call of an operation.

``CHAOS_FAULT=settle:3:kill-after`` in the environment of a process: its third ``settle`` is executed, then the process
kills itself. A fault writes the file ``CHAOS_FIRED`` before it strikes, so that a trial in which it never struck fails.
"""

import os
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from storage.broker.broker import Broker
from storage.errors import StoreUnavailable

Kind = Literal["fail-before", "lose-reply", "kill-before", "kill-after", "hang"]
KINDS: tuple[Kind, ...] = get_args(Kind)
HANG_S = 4.0


@dataclass(frozen=True, slots=True)
class Fault:
    """The ``nth`` call (from 1) of ``operation`` meets ``kind``."""

    operation: str
    nth: int
    kind: Kind

    def __str__(self) -> str:
        return f"{self.operation}:{self.nth}:{self.kind}"

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """Read ``operation:n:kind``."""
        operation, nth, kind = text.split(":")
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is none of {KINDS}")
        return cls(operation, int(nth), kind)


def install(broker: Broker) -> None:
    """Wrap the scripts of a broker when this process is to meet a fault."""
    text = os.environ.get("CHAOS_FAULT")
    if not text:
        return
    fault, fired = Fault.parse(text), Path(os.environ["CHAOS_FIRED"])
    calls: Counter[str] = Counter()
    lock = threading.Lock()

    def faulty(run: Any) -> Any:
        def may_strike(name: str, *args: Any) -> Any:
            with lock:
                calls[name] += 1
                strikes = name == fault.operation and calls[name] == fault.nth and not fired.exists()
                if strikes:
                    fired.write_text(str(fault))
            if not strikes:
                return run(name, *args)
            return _strike(fault, lambda: run(name, *args))

        return may_strike

    # This is the seam.
    broker._scripts.run = faulty(broker._scripts.run)  # type: ignore[method-assign]
    broker._scripts.run_many = faulty(broker._scripts.run_many)  # type: ignore[method-assign]


def _strike(fault: Fault, call: Any) -> Any:
    if fault.kind == "kill-before":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault.kind == "fail-before":
        raise StoreUnavailable(f"chaos: {fault} was not sent")
    if fault.kind == "hang":
        time.sleep(HANG_S)  # what a hanging connection does
    answer = call()
    if fault.kind == "kill-after":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault.kind == "lose-reply":
        raise StoreUnavailable(f"chaos: the reply of {fault} was lost")
    return answer
