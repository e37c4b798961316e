"""Counts of files that never run away, and passages by file."""

from storage import chunks, files, shelf, users
from storage.chunks import NewChunk
from storage.database.connection import Database

VECTOR = [1.0] + [0.0] * 767


def _file(database: Database, passages: int = 0) -> int:
    owner = users.ensure(database, "ada@example.com", "Ada")
    file = files.reserve(database, owner.id, "a.txt", "text/plain", 1, "private")
    files.confirm_upload(database, file.id)
    if passages:
        files.begin_processing(database, file.id, "one")
        files.claim_content(database, file.id, "one", f"{file.id:064}")
        made = [NewChunk(number, "text", 0, 4, VECTOR) for number in range(passages)]
        chunks.replace_and_complete(database, file.id, "one", made, "model")
    return file.id


def test_every_status_is_counted_and_named(database: Database) -> None:
    _file(database), _file(database), _file(database, 2)
    assert shelf.tallies(database) == {"PENDING": 2, "PROCESSING": 0, "COMPLETED": 1, "FAILED": 0, "DUPLICATE": 0}


def test_a_count_ends_above_its_limit(database: Database) -> None:
    owner = users.ensure(database, "ada@example.com", "Ada")
    with database.session() as session:
        session.run(
            "INSERT INTO files (owner_id, object_key, name, mime_type, size_bytes, visibility) "
            "SELECT %s, 'k' || n, 'n', 't/p', 1, 'private' FROM generate_series(1, 10100) AS n",
            (owner.id,),
        )
    assert shelf.tallies(database)["PENDING"] == shelf.COUNTED_LIMIT + 1


def test_passages_are_counted_by_file(database: Database) -> None:
    two, none, three = _file(database, 2), _file(database), _file(database, 3)
    assert shelf.passages(database, [two, none, three]) == {two: 2, three: 3}
    assert shelf.passages(database, []) == {}
