"""Reads of dead jobs by what their errors have in common."""

from datetime import UTC, datetime

from storage.broker.reading import Reads, instant, text
from storage.broker.records import FailureGroup
from storage.errors import JobMissing

GROUPS_READ = 1_000
_NEVER = datetime.fromtimestamp(0, UTC)


class FailureReads(Reads):
    """The part of the Inspector that reads groups of dead jobs."""

    def failure_groups(self, limit: int = GROUPS_READ) -> tuple[FailureGroup, ...]:
        """The groups of dead jobs, the one with the latest failure first."""
        prints = [text(one) for one in self._call("zrevrange", self._keys.failures, 0, limit - 1)]
        with self._pipe() as pipe:
            for one in prints:
                pipe.hgetall(self._keys.failure(one))
                pipe.zcard(self._keys.grave(one))
                pipe.zrevrange(self._keys.grave(one), 0, 0)
            rows = iter(self._run(pipe))
        groups = []
        for one, fields, count, last in zip(prints, rows, rows, rows, strict=True):
            if not count:
                continue  # its last job went between the two reads
            row = {text(name): text(value) for name, value in fields.items()}
            groups.append(
                FailureGroup(
                    fingerprint=one,
                    task=row.get("task", ""),
                    error_type=row.get("error_type", ""),
                    message=row.get("message", ""),
                    count=count,
                    first_seen_at=instant(row.get("first")) or _NEVER,
                    last_seen_at=instant(row.get("last")) or _NEVER,
                    sample=text(last[0]),
                )
            )
        return tuple(groups)

    def failure_group(self, prefix: str) -> FailureGroup:
        """The group whose fingerprint begins so. Raises JobMissing when there is none, or more than one."""
        found = [group for group in self.failure_groups() if group.fingerprint.startswith(prefix)]
        if len(found) == 1:
            return found[0]
        if found:
            raise JobMissing(f"{len(found)} groups of failures begin with {prefix!r}: write more of it")
        raise JobMissing(
            f"there is no group of failures {prefix!r} with a dead job: `dewey failures` shows those with one"
        )

    def failed_jobs(self, fingerprint: str, limit: int = -1) -> tuple[str, ...]:
        """Ids of the dead jobs of a group, oldest first; at most ``limit``, when that is not negative."""
        last = limit - 1 if limit > 0 else -1
        return tuple(text(one) for one in self._call("zrange", self._keys.grave(fingerprint), 0, last)) if limit else ()
