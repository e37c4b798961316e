"""Launches jobs: ``python -m tests.chaos.launcher MODULE TASK JSON``; JSON is a list of lists of arguments."""

import importlib
import json
import sys
from typing import Any

from huey.api import Result, group

from tests.chaos.history import Event


def main() -> None:
    """Enqueue the jobs, in as few round trips as can be, and write down each that is acked."""
    module: Any = importlib.import_module(f"tests.chaos.{sys.argv[1]}")
    task = getattr(module, sys.argv[2])
    handles: Any = module.huey.enqueue(group([task.s(*one) for one in json.loads(sys.argv[3])]))
    result: Result
    for result in handles:
        module.app.HISTORY.write(Event("acked", result.id))


if __name__ == "__main__":
    main()
