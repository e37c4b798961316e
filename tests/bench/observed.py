"""``dewey console`` as its benchmark runs it: it tells when the interpreter was up, what is loaded, and what it heard.

``python -c "from tests.bench import observed; observed.main()" FD REFRESH_S [START]``: lines are written to FD. With
REFRESH_S other than 1 the console polls so often, instead of every second.
"""

import itertools
import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from console.app import DeweyApp

UP_S = time.monotonic()


def main() -> None:
    """Run the console as its command does; say when it begins to run, and how often it was answered."""
    pipe, refresh_s = int(sys.argv[1]), float(sys.argv[2])
    sys.argv[1:] = ["console", *sys.argv[3:]]
    import console.__main__  # noqa: PLC0415 - what is loaded is measured
    from console.commands.ending import Ending  # noqa: PLC0415 - the command loads it first of all

    begin = Ending.__init__

    def observed(ending: Ending, screen: "DeweyApp") -> None:
        """Right before it runs: all is loaded that its first screen needs, but the screen."""
        os.write(pipe, f"up {UP_S}\nloaded {time.monotonic()}\nused {time.process_time()}\n".encode())
        _observe(screen, pipe, refresh_s)
        begin(ending, screen)

    Ending.__init__ = observed  # type: ignore[method-assign, assignment]
    console.__main__.main()


def _observe(app: "DeweyApp", pipe: int, refresh_s: float) -> None:
    """Count the answers, and let it poll as often as it is to."""
    heard, next_poll_s, count = app.heard, app.next_poll_s, itertools.count(1)

    def counted(took_s: float | None) -> None:
        os.write(pipe, f"heard {next(count)}\n".encode())
        heard(took_s)

    app.heard = counted  # type: ignore[method-assign]
    app.next_poll_s = lambda: refresh_s if (pause_s := next_poll_s()) == 1.0 else pause_s  # type: ignore[method-assign]
