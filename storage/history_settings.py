"""The settings of history: whether it is recorded, how long it may lag, and how long it is kept."""

from dataclasses import dataclass

from storage.setting_fields import setting
from storage.setting_readers import flag, whole

_DAYS = "a whole number of days from 1 to 3650"
_days = whole(1, 3650)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class HistorySettings:
    """Part of storage.settings.Settings."""

    dewey_record: bool = setting(
        True,
        flag,
        "Whether consumers record history into PostgreSQL. If not, run `dewey record` beside them.",
        expected="true or false",
    )
    dewey_events_waiting: int = setting(
        1_000_000,
        whole(10_000, 1_000_000),
        "The most events (three per job) that wait in Redis while PostgreSQL is away. A million take about "
        "70 MB, and the jobs that ended meanwhile stay in Redis too, about 3 kB each. Beyond that the oldest ones "
        "are missing in history.",
        expected="a whole number from 10000 to 1000000",
    )
    dewey_jobs_days: int = setting(30, _days, "How long history keeps jobs and their attempts.", expected=_DAYS)
    dewey_logs_days: int = setting(14, _days, "How long history keeps what jobs have logged.", expected=_DAYS)
    dewey_samples_days: int = setting(30, _days, "How long history keeps how things stood each minute.", expected=_DAYS)
    dewey_audit_days: int = setting(365, _days, "How long history keeps what operators did.", expected=_DAYS)
    dewey_trash_days: int = setting(7, _days, "How long discarded and purged jobs can be had back.", expected=_DAYS)
