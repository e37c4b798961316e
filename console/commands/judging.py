"""What an operator says of groups of failures, from the command line: known, mended, or neither."""

from typing import Annotated

import typer

from console.commands.asking import DryRun, Reason, Way, Words, Yes, act
from console.commands.printing import Json
from tasks.actions.values import Request

app = typer.Typer()

Groups = Annotated[list[str], typer.Argument(metavar="GROUP…", help="Groups, as `dewey failures` shows them.")]


@app.command()
def mute(groups: Groups, reason: Reason = "", dry_run: DryRun = False, yes: Yes = False, as_json: Json = False) -> None:
    """Say that failures are known, and nobody needs to look."""
    act(Request("mute", tuple(groups)), Words("is muted", "not muted"), Way(reason, dry_run, yes, as_json))


@app.command()
def resolve(
    groups: Groups, reason: Reason = "", dry_run: DryRun = False, yes: Yes = False, as_json: Json = False
) -> None:
    """Say that the cause of failures is gone.

    When the group fails again after that, it is shown as regressed.
    """
    act(Request("resolve", tuple(groups)), Words("is resolved", "not resolved"), Way(reason, dry_run, yes, as_json))


@app.command()
def reopen(
    groups: Groups, reason: Reason = "", dry_run: DryRun = False, yes: Yes = False, as_json: Json = False
) -> None:
    """Take back what was said of failures."""
    act(Request("reopen", tuple(groups)), Words("is open", "not reopened"), Way(reason, dry_run, yes, as_json))
