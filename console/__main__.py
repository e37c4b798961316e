"""``python -m console`` and the command ``dewey``."""

import gc
import sys


def main() -> None:
    """Run one command and leave with its exit status."""
    gc.disable()  # while modules are loaded, as in console.loading; the command begins by turning it on again
    try:
        from console.cli import run  # noqa: PLC0415 - takes a while, in which Ctrl-C must end quietly too

        status = run()
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


if __name__ == "__main__":
    main()
