"""The part of the live gateway that knows schedules."""

from console.gateway.live_part import LivePart
from console.gateway.reading import translated
from console.gateway.timetable import ScheduleRow, schedule_row


class LiveSchedules(LivePart):
    """Schedules, and what an operator does with them."""

    def schedules(self) -> tuple[ScheduleRow, ...]:
        """Return all schedules, by name."""
        with translated():
            self._read_clock()
            return tuple(schedule_row(info) for info in self._inspector.schedules())
