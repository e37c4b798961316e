"""The terminal that the console reads: what it sends is text, but for a byte now and then that is not."""

from textual.drivers.linux_driver import LinuxDriver


class PatientDriver(LinuxDriver):
    """Reads on after bytes that are not UTF-8, of which the toolkit's own driver ends the application.

    What came together with such a byte is lost, as if it had not been typed.
    """

    def run_input_thread(self) -> None:
        """Wait for input, until the application ends."""
        while True:
            try:
                super().run_input_thread()
            except UnicodeDecodeError:
                continue
            return
