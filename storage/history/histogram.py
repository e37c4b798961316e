"""Histograms of durations that can be added to each other, and the quantiles of them.

Bucket 0 holds 0 and 1 ms, which is as fine as the broker's clock; bucket i holds what is in (G**(i-1), G**i] ms. With
G = (1 + E) / (1 - E), the value 2 * G**i / (G + 1) is within a share of E of everything in its bucket (as in DDSketch,
Masson, Rim and Lee, 2019): so a quantile is off by at most 5 % or 1 ms, however many histograms were added.
"""

import math
from collections.abc import Mapping, Sequence

ERROR = 0.05
"""How far off a quantile is at most, as a share of its true value."""
GROWTH = (1 + ERROR) / (1 - ERROR)
LAST_BUCKET = 230
"""Ends at 113 days; what takes longer counts as that."""

_LOG_GROWTH = math.log(GROWTH)
_SMALL_MS = 4096


def _computed(duration_ms: int) -> int:
    return min(LAST_BUCKET, math.ceil(math.log(duration_ms) / _LOG_GROWTH - 1e-9)) if duration_ms > 1 else 0


_SMALL = tuple(_computed(ms) for ms in range(_SMALL_MS))


def bucket_of(duration_ms: int) -> int:
    """The bucket that a duration belongs to; one below zero counts as zero."""
    if duration_ms < _SMALL_MS:
        return _SMALL[duration_ms] if duration_ms > 0 else 0
    return _computed(duration_ms)


def value_of(bucket: int) -> float:
    """The duration in ms that stands for a bucket."""
    return 2 * GROWTH**bucket / (GROWTH + 1) if bucket else 0.5


def upper_of(bucket: int) -> float:
    """The longest duration in ms that belongs to a bucket."""
    return GROWTH**bucket if bucket else 1.0


def dense(counts: Mapping[int, int]) -> list[int]:
    """Counts by bucket as a list from bucket 0 to the last one that has any."""
    return [counts.get(bucket, 0) for bucket in range(max(counts) + 1)] if counts else []


def quantile(counts: Sequence[int], share: float) -> float | None:
    """The duration in ms that a share of all is not longer than; None when there is none at all."""
    total = sum(counts)
    if not total:
        return None
    rank = math.ceil(share * total) or 1
    seen = 0
    for bucket, count in enumerate(counts):
        seen += count
        if seen >= rank:
            return value_of(bucket)
    raise AssertionError("the counts add up to their sum")
