"""What limits of a queue are called."""

from storage.broker.records import Limits


def limit_words(limits: Limits) -> str:
    """Say the limits of a queue; "no limits" when nothing of it is limited."""
    said = []
    if limits.rate is not None:
        said.append(f"at most {limits.rate[0]:,} starts in any {limits.rate[1]:g} s")
    if limits.cap is not None:
        said.append(f"at most {limits.cap:,} running")
    if limits.max_jobs is not None:
        said.append(f"at most {limits.max_jobs:,} waiting")
    if limits.max_bytes is not None:
        said.append(f"at most {limits.max_bytes:,} bytes on their way")
    return ", ".join(said) or "no limits"
