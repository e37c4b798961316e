"""A job as it is stored, without its secrets."""

from datetime import UTC, datetime

import pytest

from console.gateway.raw import LINES_LIMIT, raw_lines
from storage.broker.records import Job

AT = datetime(2026, 3, 14, tzinfo=UTC)


def shown(payload: bytes, **fields: object) -> str:
    job = Job("a", "shop.pack", "default", "queued", 0, AT, 1, payload=payload, **fields)  # type: ignore[arg-type]
    return "\n".join(line.plain for line in raw_lines(job))


def test_payload_and_record_are_json() -> None:
    text = shown(b'{"~job": {"name": "shop.pack", "args": [7]}}')
    assert '"name": "shop.pack"' in text
    assert '"created_at": "2026-03-14T00:00:00Z"' in text
    assert '"state": "queued"' in text


def test_secrets_are_masked() -> None:
    text = shown(b'{"kwargs": {"password": "hunter2!", "url": "https://ada:hunter2!@example.com"}}')
    assert "hunter2" not in text
    assert "[redacted]" in text


@pytest.mark.parametrize("payload", [b"\x80\x04\x95pickle", b"{", b"", b"[" * 100_000])
def test_bytes_that_are_no_json_are_shown_as_they_are(payload: bytes) -> None:
    text = shown(payload)
    assert text.startswith("// payload")
    assert "// record" in text or len(payload) > 1_000


def test_a_huge_payload_is_cut() -> None:
    lines = shown(b"[" + b"1," * 5_000 + b"1]").split("\n")
    assert len(lines) == LINES_LIMIT + 1
    assert lines[-1].endswith("lines more")


def test_no_control_character_passes() -> None:
    assert "\x1b" not in shown(b'{"a": "\\u001b[2J"}')
