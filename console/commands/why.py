"""Why a job is not running, from the command line: ``dewey why``."""

from typing import Annotated

import typer

from console.commands.opening import open_desk
from console.commands.printing import Json, emit

app = typer.Typer()


@app.command()
def why(
    job: Annotated[str, typer.Argument(help="A job's id, or the beginning of one.")],
    as_json: Json = False,
) -> None:
    """Say why a job is not running, what to deal with first at first.

    Computed from one read of what is happening now: pauses, limits, consumers, workers, children, the line before it.
    """
    inspector = open_desk().inspector
    found = inspector.why(inspector.find(job))
    lines = [
        f"{found.job_id} is {found.state} in {found.queue}.",
        *(f"  {reason.sentence}" for reason in found.reasons),
    ]
    emit(found, as_json, lines)
