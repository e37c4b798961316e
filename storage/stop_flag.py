"""A flag that handlers of signals may set, as they may not set a threading.Event: a handler that comes while its own
thread sets the event, or is about to wait for it, waits for a lock that this thread has, for ever."""

import queue


class StopFlag:
    """Set once, from anywhere; threads wait for it. Its queue takes what a handler puts in the midst of another put:
    https://docs.python.org/3/library/queue.html#simplequeue-objects"""

    def __init__(self) -> None:
        self._is_set = False
        self._told: queue.SimpleQueue[None] = queue.SimpleQueue()

    def set(self) -> None:
        """Set the flag, and wake who waits for it."""
        self._is_set = True
        self._told.put(None)

    def is_set(self) -> bool:
        """Whether it was set."""
        return self._is_set

    def wait(self, timeout: float) -> bool:
        """Whether it is set, at the latest after so many seconds."""
        if self._is_set:
            return True
        try:
            self._told.get(timeout=max(0.0, timeout))
        except queue.Empty:
            return self._is_set
        self._told.put(None)  # for the next one who waits
        return True
