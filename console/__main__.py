"""``python -m console`` and the command ``dewey``."""

import sys

from console.cli import run


def main() -> None:
    """Run one command and leave with its exit status."""
    sys.exit(run())


if __name__ == "__main__":
    main()
