"""The part of the live gateway that knows schedules."""

from datetime import datetime

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

    def run_now(self, schedule: str) -> str:
        """Launch one job of a schedule outside of its ticks, and return its key."""
        with translated():
            return self._operations.run_now(schedule, by=self._by)

    def pause_schedule(self, schedule: str, until_at: datetime | None, reason: str) -> None:
        """Let a schedule enqueue nothing until an instant, or (None) until it is resumed."""
        with translated():
            self._operations.pause_schedule(schedule, until_at, by=self._by, reason=reason)

    def resume_schedule(self, schedule: str) -> None:
        """Let a schedule tick again."""
        with translated():
            self._operations.resume_schedule(schedule, by=self._by)
