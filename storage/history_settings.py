"""The settings of history: whether it is recorded, how long it may lag, and how long it is kept."""

from pydantic import Field
from pydantic_settings import BaseSettings

_DAYS = ["a whole number of days from 1 to 3650"]


class HistorySettings(BaseSettings):
    """Part of storage.settings.Settings."""

    dewey_record: bool = Field(
        True,
        description="Whether consumers record history into PostgreSQL. If not, run `dewey record` beside them.",
        examples=["true or false"],
    )
    dewey_events_waiting: int = Field(
        1_000_000,
        ge=10_000,
        le=1_000_000,
        description="The most events (three per job) that wait in Redis while PostgreSQL is away. A million take about "
        "70 MB, and the jobs that ended meanwhile stay in Redis too, about 3 kB each. Beyond that the oldest ones "
        "are missing in history.",
        examples=["a whole number from 10000 to 1000000"],
    )
    dewey_jobs_days: int = Field(
        30, ge=1, le=3650, description="How long history keeps jobs and their attempts.", examples=_DAYS
    )
    dewey_logs_days: int = Field(
        14, ge=1, le=3650, description="How long history keeps what jobs have logged.", examples=_DAYS
    )
    dewey_samples_days: int = Field(
        30, ge=1, le=3650, description="How long history keeps how things stood each minute.", examples=_DAYS
    )
    dewey_audit_days: int = Field(
        365, ge=1, le=3650, description="How long history keeps what operators did.", examples=_DAYS
    )
    dewey_trash_days: int = Field(
        7, ge=1, le=3650, description="How long discarded and purged jobs can be had back.", examples=_DAYS
    )
