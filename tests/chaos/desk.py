"""``dewey`` as operators run it, with a fault registry at the broker's seam: ``python -m tests.chaos.desk COMMAND …``.

It makes the file ``CHAOS_READY`` right before the command begins: what comes before that are only imports.
"""

import os
import sys
from pathlib import Path
from typing import Any

from console.cli import run
from storage.broker.broker import Broker
from tests.chaos import faults


def main() -> int:
    """Run one command on a broker that may meet a fault."""
    opened = Broker.__init__

    def open_faulty(broker: Broker, *args: Any, **more: Any) -> None:
        opened(broker, *args, **more)
        faults.install(broker)

    Broker.__init__ = open_faulty  # type: ignore[method-assign,assignment]  # this is the seam
    Path(os.environ["CHAOS_READY"]).touch()
    return run()


if __name__ == "__main__":
    sys.exit(main())
