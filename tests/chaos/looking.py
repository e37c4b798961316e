"""G15: a console that opens every screen leaves Redis and PostgreSQL as they were, byte for byte."""

import sys
from collections.abc import Mapping

import psycopg2
from psycopg2 import sql

from console.bindings import KEYS
from storage.broker.records import STATES
from storage.broker.requests import ClaimRequest, Settlement
from storage.database import migrations
from tasks.operations import Operations
from tests.chaos.actions import told
from tests.chaos.arena import Arena, open_arena
from tests.chaos.report import Row
from tests.chaos.terminal import Terminal
from tests.chaos.watching import dump
from tests.servers import postgres_server, wait_until

SCREENS = tuple(key.keys.split(",")[0].encode() for key in KEYS if key.id.startswith("screen."))
DOWN, OPEN, NEXT_TAB, BACK, HELP, PALETTE, QUIT = b"j", b"\r", b"]", b"\x1b", b"?", b"\x10", b"\x11"
TABS = 5
DRAWN_BYTES = 100
"""A screen that is opened draws at least so much."""


def row(seed: int, walks: int) -> Row:
    """So many consoles, each a process with a terminal of its own, open every screen; nothing runs meanwhile."""
    failures: list[str] = []
    drawn = 0
    with postgres_server() as postgres, open_arena() as arena:
        url = postgres.url_of("postgres")
        migrations.apply(url)
        _fill(arena, seed)
        before, tables = dump(arena), _tables(url)
        for _ in range(walks):
            with Terminal((sys.executable, "-m", "console", "console"), told(arena, url)) as terminal:
                failures += _walk(terminal)
                drawn += len(terminal.output)
        after, tables_after = dump(arena), _tables(url)
        states = {job.state for job in arena.inspector.jobs(STATES, limit=100_000).jobs}
        jobs = arena.inspector.count()
    failures += [
        f"looking changed {key!r}" for key in before.keys() | after.keys() if before.get(key) != after.get(key)
    ]
    failures += [f"looking changed the table {name}" for name, text in tables.items() if tables_after.get(name) != text]
    if missing := set(STATES) - {"running"} - states:
        failures.append(f"no job was {' or '.join(sorted(missing))}, so the trial shows less")
    note = f"{len(SCREENS)} screens and all below them, {drawn:,} bytes drawn; "
    note += f"{len(before)} keys, {len(tables)} tables and sequences compared"
    return Row(
        "G15",
        "a console opens every screen",
        seed,
        walks,
        walks * len(SCREENS),
        jobs,
        failures=tuple(failures[:5]),
        note=note,
    )


def _fill(arena: Arena, seed: int) -> None:
    """Jobs in every state but running, with attempts, logs and groups of failures; then the consumers are gone."""
    with arena.fleet(2, 4, app="ordeals") as fleet:
        arena.enqueue(seed, 60)
        arena.launch("stumble", *[[number] for number in range(12)])
        arena.finish(fleet)
    # Nobody runs what comes now, so it stays as it is.
    arena.enqueue(seed + 1, 30, CHAOS_KINDS="work,later,chord,flow").wait(60)
    broker, request = arena.broker, ClaimRequest("c", "w", 60_000)
    first, second = arena.inspector.jobs(("queued",), limit=2).jobs
    Operations(broker, arena.inspector).cancel([first.id], by="ann", reason="twice")
    claim = broker.take(request, second.id)
    assert claim is not None
    broker.settle(Settlement(second.id, claim.token, "retrying", "failed", 1, delay_ms=3_600_000))
    broker.pause("default", '{"by": "ann", "reason": "to be looked at"}')
    wait_until(lambda: not arena.inspector.consumers(), "the consumers to be gone", timeout_s=30)


def _walk(terminal: Terminal) -> list[str]:
    """Open every screen and what is below it; answers what could not be opened."""
    terminal.read_until(b"default")
    found = []
    for key in (*SCREENS, SCREENS[0]):  # the console may begin on the first one
        drawn = terminal.press(key)
        for step in (DOWN, DOWN, OPEN, *([NEXT_TAB] * TABS), HELP, BACK, BACK, BACK):
            drawn += terminal.press(step)
        if drawn < DRAWN_BYTES:
            found.append(f"the key {key!r} opened nothing")
    for keys in (
        b"3",
        b"/",
        b"state:dead\r",
        OPEN,
        NEXT_TAB,
        NEXT_TAB,
        b"l",
        b"f",
        b"w",
        BACK,
        BACK,
        b"T",
        PALETTE,
        BACK,
        b"t",
        OPEN,
        BACK,
        BACK,
        *(b"C", DOWN, BACK),
        *(b"4", OPEN, OPEN, BACK, BACK, b"s", BACK, NEXT_TAB),
        *(b"1", b",", b"<", b".", b">", BACK),
        *(b":", b"queue default\r", OPEN, BACK, BACK),
        *(b"3", b"i", BACK, b"e", BACK, b"r", BACK, b"?", BACK),
    ):
        terminal.press(keys)
    terminal.press(QUIT)
    if terminal.wait() != 0:
        found.append(f"the console ended with {terminal.child.returncode}")
    return found


def _tables(url: str) -> Mapping[str, str]:
    """A digest of all rows of each table, and of each sequence."""
    connection = psycopg2.connect(url)
    found = {}
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT relnamespace::regnamespace::text, relname FROM pg_class WHERE relkind IN ('r', 'p')"
                " AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
            )
            for schema, name in cursor.fetchall():
                cursor.execute(
                    sql.SQL("SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} t").format(
                        sql.Identifier(schema, name)
                    )
                )
                (found[f"{schema}.{name}"],) = cursor.fetchone() or ("",)
            cursor.execute("SELECT schemaname || '.' || sequencename, last_value::text FROM pg_sequences")
            found.update(cursor.fetchall())
    finally:
        connection.close()
    return found
