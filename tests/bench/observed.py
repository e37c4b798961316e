"""``dewey console`` as its benchmark runs it: it tells when the interpreter was up, what is loaded, and what it heard.

``python -c "from tests.bench import observed; observed.main()" FD REFRESH_S [START]``: lines are written to FD. With
REFRESH_S other than 1 the console polls so often, instead of every second.
"""

import itertools
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from console.app import DeweyApp

UP_S = time.monotonic()


def main() -> None:
    """Run the console; at its end say how many polls were answered."""
    pipe, refresh_s = int(sys.argv[1]), float(sys.argv[2])
    import console.app  # noqa: PLC0415 - what is loaded is measured
    import console.cli  # noqa: PLC0415
    import console.gateway.live  # noqa: PLC0415

    os.write(pipe, f"up {UP_S}\nloaded {time.monotonic()}\nused {time.process_time()}\n".encode())
    console.app.DeweyApp.on_mount = _observed(console.app.DeweyApp.on_mount, pipe, refresh_s)  # type: ignore[assignment,method-assign]
    sys.exit(console.cli.run(["console", *sys.argv[3:]]))


def _observed(mount: Callable[["DeweyApp"], None], pipe: int, refresh_s: float) -> Callable[["DeweyApp"], None]:
    def on_mount(app: "DeweyApp") -> None:
        """Begin to count the answers."""
        heard, next_poll_s, count = app.heard, app.next_poll_s, itertools.count(1)

        def counted(took_s: float | None) -> None:
            os.write(pipe, f"heard {next(count)}\n".encode())
            heard(took_s)

        app.heard = counted  # type: ignore[method-assign]
        app.next_poll_s = lambda: refresh_s if (pause_s := next_poll_s()) == 1.0 else pause_s  # type: ignore[method-assign]
        mount(app)

    return on_mount
