"""The command ``dewey``: every command in one place, and how a failure leaves it.

Exit status: 0 done, 1 failed, 2 wrong use (a wrong option, argument or setting), 130 interrupted. No traceback
reaches an operator; ``DEWEY_DEBUG=1`` shows it.
"""

import os
import sys
from typing import Annotated, Any, TextIO, cast

import typer
from typer.core import TyperGroup

from console import profiles
from console.commands.opening import WrongUse
from console.commands.printing import ReaderLeft, as_document, visible
from console.commands.shelf import SECTIONS, Shelf
from console.head_start import HeadStart
from console.loading import loaded
from storage.errors import FilterError, SettingsError, StorageError
from tasks.errors import TasksError

INTERRUPTED = 130
NUMBERS = {"int": "a whole number", "int range": "a whole number", "float": "a number", "float range": "a number"}
"""What the library's types of options take."""


class Sections(TyperGroup):
    """Lists the commands by what they are for, and loads only the one that is run."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = Shelf()

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - Typer's own signature
        """Write a section for each kind."""
        for title, names in SECTIONS.items():
            rows = [(name, self.commands[name].get_short_help_str(66).rstrip(".")) for name in names]
            with formatter.section(title):
                formatter.write_dl(rows, col_max=10, col_spacing=2)


app = typer.Typer(
    name="dewey",
    cls=Sections,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version  # noqa: PLC0415 - slow, and hardly ever asked for

        typer.echo(f"dewey {version('dewey')}")
        raise typer.Exit


@app.callback(
    epilog="Exit status: 0 done, 1 failed, 2 wrong use. Settings come from the environment and from .env; "
    "`dewey doctor` says what is wrong with them.",
)
def dewey(
    version: Annotated[  # noqa: ARG001 - it has answered before
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    profile: Annotated[
        str,
        typer.Option("--profile", metavar="NAME", envvar="DEWEY_PROFILE", help="Settings from your config.toml."),
    ] = "",
) -> None:
    """Run jobs and lose none; see what they do, and mend what fails.

    Begin with `dewey demo`, or with `dewey up` and, beside it, `dewey console`.
    """
    loaded()
    profiles.choose(profiles.read(), profile)


def run(arguments: list[str] | None = None, head_start: HeadStart | None = None) -> int:
    """Run one command; answers the exit status. ``head_start`` is for a command that has use for it."""
    given = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        _let_any_character_pass(stream)
    try:
        command = typer.main.get_command(app)
        status = command.main(args=given, prog_name="dewey", standalone_mode=False, obj=head_start)
    except ReaderLeft:
        _forget_stdout()
        return 0
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except Exception as error:  # a command ends here, whatever ended it
        if os.environ.get("DEWEY_DEBUG"):
            raise
        return _fail(error, "--json" in given)
    return status if isinstance(status, int) else 0


def _fail(error: Exception, as_json: bool) -> int:
    """Say what went wrong; answers the exit status."""
    status, sentence = _explained(error)
    try:
        if isinstance(error, typer.TyperException):
            cast(Any, error).show()
        else:
            sys.stderr.write(f"dewey: {visible(sentence, lines=True)}\n")
        if as_json:
            sys.stdout.write(as_document({"error": sentence}))
            sys.stdout.flush()
    except OSError:
        _forget_stdout()
    return status


def _explained(error: Exception) -> tuple[int, str]:
    if isinstance(error, typer.TyperException):
        return error.exit_code, _reworded(error).format_message()
    if isinstance(error, SettingsError | WrongUse | FilterError):
        return 2, str(error)
    if isinstance(error, StorageError | TasksError):
        return 1, str(error)
    if isinstance(error, OSError):
        return 1, f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
    return 1, f"this is a mistake in dewey itself: {type(error).__name__}: {error} (DEWEY_DEBUG=1 shows where)"


def _reworded(error: typer.TyperException) -> typer.TyperException:
    """The same, of an option that takes a number, without the library's names of types: with what it allows."""
    kind = getattr(getattr(error, "param", None), "type", None)
    number = NUMBERS.get(getattr(kind, "name", ""))
    value, is_not, _ = error.message.rpartition(" is not ")
    if number and is_not:
        error.message = f"{value} is not {number}{_range(getattr(kind, 'min', None), getattr(kind, 'max', None))}."
    return error


def _range(least: float | None, most: float | None) -> str:
    if least is not None and most is not None:
        return f" from {least:,} to {most:,}"
    if least is not None:
        return f", {least:,} or more"
    return f", {most:,} at most" if most is not None else ""


def _let_any_character_pass(stream: TextIO) -> None:
    """Let a terminal that lacks a character show its number instead of ending the command."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def _forget_stdout() -> None:
    """Nobody reads stdout any more: let the interpreter's last flush go nowhere."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):  # it is no file
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
