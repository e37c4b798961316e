"""``python -m console`` and the command ``dewey``."""

import gc
import sys

from console.head_start import HeadStart, is_wanted


def main() -> None:
    """Run one command and leave with its exit status."""
    gc.disable()  # while modules are loaded, until console.loading.loaded, with which the command begins
    try:
        with HeadStart(is_wanted=is_wanted(sys.argv[1:])) as head_start:
            from console.cli import run  # noqa: PLC0415 - takes a while, in which Ctrl-C must end quietly too

            status = run(head_start=head_start)
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


if __name__ == "__main__":
    main()
