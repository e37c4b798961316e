"""The terminal that the console reads: what it sends is text, but for a byte now and then that is not."""

from codecs import IncrementalDecoder, getincrementaldecoder
from collections.abc import Callable
from functools import partial
from typing import Final

from textual.drivers import linux_driver

_STRICT: Final = "getincrementaldecoder"
"""What the toolkit's driver asks for a decoder by; the decoder that it gets ends the application at such a byte."""


class PatientDriver(linux_driver.LinuxDriver):
    """Takes bytes that are not UTF-8 for the character that stands for those, and loses nothing beside them.

    The toolkit offers no way to say so, hence the name in its driver's module that stands for another decoder while
    this one reads. To begin reading anew at such a byte would be no remedy: in the middle of a paste nothing would know
    of the paste any more, and the rest of it would be taken for keys.
    """

    def run_input_thread(self) -> None:
        """Wait for input, until the application ends."""
        setattr(linux_driver, _STRICT, _patient)
        try:
            super().run_input_thread()
        finally:
            setattr(linux_driver, _STRICT, getincrementaldecoder)


def _patient(encoding: str) -> Callable[[], IncrementalDecoder]:
    return partial(getincrementaldecoder(encoding), errors="replace")
