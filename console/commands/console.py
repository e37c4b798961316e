"""``dewey console``: open the console over the live stores.

An operator waits for it: what the first screen needs is loaded, and no more.
"""

import gc
import signal
import sys
from functools import partial
from typing import Annotated

import typer

from console import profiles
from console.commands.ending import Ending
from console.commands.opening import Desk, WrongUse, actions_of, found_desk, operator, require_terminal
from console.commands.stopping import on_signals
from console.head_start import HeadStart
from console.loading import undisturbed
from console.reading_ahead import Errand

app = typer.Typer()

SWITCH_S = 0.001
"""How long a thread that reads the stores may keep the interpreter while a key waits to be answered."""


@app.command("console")
def show_console(
    context: typer.Context,
    start: Annotated[
        str, typer.Argument(metavar="START", help="As after : in it: queues, queue email, job 3f2a, a filter …")
    ] = "",
    environment: Annotated[
        str, typer.Option(metavar="NAME", help="The name shown in the frame instead of DEWEY_ENVIRONMENT.")
    ] = "",
    write: Annotated[
        str, typer.Option(metavar="REASON", help="Begin with writing armed, for this reason; otherwise W arms it.")
    ] = "",
    read_only: Annotated[bool, typer.Option("--read-only", help="Only look: nobody can arm writing.")] = False,
) -> None:
    """Open the console: look at queues, jobs and logs, and act.

    It begins read-only: W, with a reason, allows actions for 15 minutes. It needs a terminal.
    Inside, `?` explains the keys and ctrl+q leaves; jobs go on without it.
    """
    if write and read_only:
        raise WrongUse("say --write or --read-only, not both")
    require_terminal("dewey queues, dewey jobs and dewey logs answer without one")
    desk, head_start = found_desk(), context.find_object(HeadStart)
    if head_start is None or not head_start.tell(Errand.of(desk.resources, start)):
        desk.open()
    run_console_on(desk, environment, start, None if read_only else write, head_start)


def run_console_on(
    desk: Desk, environment: str, start: str, write: str | None = "", head_start: HeadStart | None = None
) -> None:
    """Run the console over the live stores until the operator leaves it, or a signal ends it; the terminal is restored.

    ``write`` is a reason to arm writing at once; None lets nobody arm it. ``head_start`` reads ahead.

    Raises:
        typer.Exit: the console ended by a mistake of its own.
    """
    with undisturbed():
        from console.app import DeweyApp  # noqa: PLC0415 - Textual is slow to import and most commands do without
        from console.bindings import checked  # noqa: PLC0415 - as above
        from console.gateway.early import EarlyGateway  # noqa: PLC0415 - as above

        gc.freeze()  # what was loaded stays, and is not looked through again

    settings = desk.resources.settings
    config = profiles.read()
    held, actions = desk.resources, partial(actions_of, desk)
    gateway = EarlyGateway(head_start, desk, operator(), held=held, actions=actions)
    screen = DeweyApp(
        gateway,
        environment or settings.dewey_environment,
        start,
        colour=settings.dewey_colour,
        keys=checked(config.keys, str(config.path)),
    )
    screen.write_reason, screen.is_read_only, screen.is_warmed = write or "", write is None, True

    sys.setswitchinterval(SWITCH_S)
    with Ending(screen) as ending, on_signals((signal.SIGTERM, signal.SIGHUP), ending.ask):
        screen.run()
    if screen.return_code:
        raise typer.Exit(screen.return_code)
