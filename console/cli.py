"""The command ``dewey``: every command in one place, and how a failure leaves it.

Exit status: 0 done, 1 failed, 2 wrong use (a wrong option, argument or setting). No traceback reaches an operator;
``DEWEY_DEBUG=1`` shows it.
"""

import json
import os
import sys

import typer

from console.commands import demo, documents, jobs, servers
from console.commands.printing import visible
from storage.errors import SettingsError, StorageError
from tasks.engine.codec import EncodeError
from tasks.errors import TasksError

HELP = """A job engine on Huey that loses nothing, and a console to operate it.

Start with `dewey demo`, or `dewey up` and `dewey console`. Settings come from the environment and from .env;
`dewey doctor` shows what is wrong with them. Exit status: 0 done, 1 failed, 2 wrong use.
"""

app = typer.Typer(
    name="dewey",
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _group in (servers, demo, documents, jobs):
    app.registered_commands += _group.app.registered_commands


def run(arguments: list[str] | None = None) -> int:
    """Run one command; answers the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        typer.main.get_command(app).main(args=given, prog_name="dewey")
    except SystemExit as end:  # how it says that it is done, or shows what was wrong with the words of the command
        return end.code if isinstance(end.code, int) else 0
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - lives as long as the process
        return 0
    except SettingsError as error:
        return _fail(error, given, 2)
    except (StorageError, EncodeError, TasksError) as error:
        return _fail(error, given, 1)
    return 0


def _fail(error: Exception, given: list[str], status: int) -> int:
    if os.environ.get("DEWEY_DEBUG"):
        raise error
    if "--json" in given:
        sys.stdout.write(json.dumps({"error": str(error)}, ensure_ascii=False) + "\n")
    sys.stderr.write(f"dewey: {visible(str(error))}\n")
    return status
