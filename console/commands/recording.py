"""Recording history without a consumer: ``record``."""

import typer

from console.commands.opening import open_desk
from console.commands.printing import say
from console.commands.stopping import Stop, told_to_stop
from tasks.engine.recorder_process import recorder_of
from tasks.history import assignment_of

app = typer.Typer()


class _Stopping:
    """A Stop as the recorder asks it."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def is_set(self) -> bool:
        return self._stop.is_asked

    def wait(self, timeout: float) -> bool:
        return self._stop.wait(timeout)


@app.command()
def record() -> None:
    """Record history until Ctrl-C.

    Consumers do that themselves, unless DEWEY_RECORD=false. Any number may run: one records, the others wait to take
    over. Whatever is away is waited for; `dewey doctor` says how far history is behind.
    """
    with told_to_stop() as stop:
        recorder = recorder_of(assignment_of(open_desk().resources))
        say(f"Recording as {recorder.name}, or waiting to. Ctrl-C stops.")
        recorder.run(_Stopping(stop))
    say("Stopped.")
