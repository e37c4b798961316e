"""Rows for tests, made by the verbs themselves; ages made by hand."""

import hashlib
import math
import random
from collections.abc import Sequence
from datetime import timedelta

from storage import chunks, files, users
from storage.database.connection import Database
from storage.files import File, Visibility

MODEL = "model-a"


def owner(database: Database, email: str = "ada@example.com") -> int:
    return users.ensure(database, email, "Ada").id


def pending(
    database: Database, *, owner_id: int | None = None, name: str = "a.txt", visibility: Visibility = "public"
) -> File:
    whose = owner(database) if owner_id is None else owner_id
    return files.reserve(database, whose, name, "text/plain", 3, visibility)


def processing(database: Database, attempt: str = "one", *, owner_id: int | None = None) -> File:
    begun = files.begin_processing(database, pending(database, owner_id=owner_id).id, attempt)
    assert begun is not None
    return begun


def failed(database: Database, *, owner_id: int | None = None) -> File:
    file = processing(database, owner_id=owner_id)
    assert files.mark_failed(database, file.id, "one", "broken")
    return found(database, file.id)


def completed(
    database: Database,
    embeddings: Sequence[Sequence[float]] = (),
    *,
    owner_id: int | None = None,
    visibility: Visibility = "public",
    model: str = MODEL,
    name: str = "a.txt",
) -> File:
    file = pending(database, owner_id=owner_id, visibility=visibility, name=name)
    assert files.begin_processing(database, file.id, "one") is not None
    assert files.claim_content(database, file.id, "one", sha256(file.object_key)) is None
    pieces = [new_chunk(ordinal, embedding) for ordinal, embedding in enumerate(embeddings)]
    return chunks.replace_and_complete(database, file.id, "one", pieces, model)


def found(database: Database, file_id: int) -> File:
    file = files.get(database, file_id)
    assert file is not None
    return file


def made_older(database: Database, file: File, age: timedelta) -> None:
    with database.session() as session:
        session.run("UPDATE files SET updated_at = now() - %s WHERE id = %s", (age, file.id))


def sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def new_chunk(ordinal: int, embedding: Sequence[float] | None = None) -> chunks.NewChunk:
    vector = unit_vector(ordinal) if embedding is None else embedding
    return chunks.NewChunk(ordinal, f"piece {ordinal}", ordinal * 800, ordinal * 800 + 1000, vector)


def unit_vector(seed: int) -> list[float]:
    """768 numbers of length 1, the same for the same seed."""
    generator = random.Random(seed)
    return normalised([generator.gauss(0, 1) for _ in range(768)])


def normalised(vector: Sequence[float]) -> list[float]:
    length = math.sqrt(sum(number * number for number in vector))
    return [number / length for number in vector]
