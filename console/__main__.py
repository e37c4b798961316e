"""``python -m console`` and the command ``dewey``."""

import sys


def main() -> None:
    """Run one command and leave with its exit status."""
    try:
        from console.cli import run  # noqa: PLC0415 - takes half a second, in which Ctrl-C must end quietly too

        status = run()
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


if __name__ == "__main__":
    main()
