"""Pings Redis without rest and says how long that took: ``python -m tests.chaos.pinger URL``, until stdin is closed."""

import json
import select
import sys
import time

import redis


def main() -> None:
    """Print, at the end, how many pings there were, the longest one, and that which 0.1 % exceed."""
    client = redis.Redis.from_url(sys.argv[1])
    client.ping()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    took_s: list[float] = []
    while not select.select([sys.stdin], [], [], 0)[0]:
        start = time.perf_counter()
        client.ping()
        took_s.append(time.perf_counter() - start)
    took_s.sort()
    sys.stdout.write(
        json.dumps(
            {
                "pings": len(took_s),
                "longest_ms": took_s[-1] * 1000,
                "most_ms": took_s[len(took_s) * 999 // 1000] * 1000,
            }
        )
    )


if __name__ == "__main__":
    main()
