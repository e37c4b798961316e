"""What operators say of groups of failures, replaced only as it was seen. Reading it is in failures.py."""

import json
from datetime import datetime

from storage.database.connection import Database
from storage.database.text import storable
from storage.history.failures import Mark, mark_of, mute, reopen, resolve


def replace(database: Database, fingerprint: str, new: Mark | None, seen: Mark | None) -> bool:
    """Say something of a group (None: take back what was said), if what was said last is what was seen. False when it
    is not. Said twice, it is said once.

    Raises: StoreUnavailable, StoreRefused.
    """
    with database.transaction() as session:
        session.rows("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"failure mark {fingerprint}",))
        now = mark_of(database, fingerprint)
        if now == new:
            return True
        if now != seen:
            return False
        if new is None:
            reopen(database, fingerprint)
        else:
            say = mute if new.state == "muted" else resolve
            say(database, fingerprint, by=new.by, note=new.note, at=new.at)
    return True


def written(mark: Mark | None) -> str:
    """A mark as text; "" for none."""
    if mark is None:
        return ""
    return json.dumps({"state": mark.state, "note": mark.note, "by": mark.by, "at": mark.at.isoformat()})


def read(text: str) -> Mark | None:
    """A mark of such a text."""
    if not text:
        return None
    fields = json.loads(text)
    return Mark(fields["state"], storable(fields["note"]), storable(fields["by"]), datetime.fromisoformat(fields["at"]))
