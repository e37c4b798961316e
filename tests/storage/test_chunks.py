"""Chunks: all of them with the completion of their file or none, and the nearest ones found again."""

import os
import random
import signal
from collections.abc import Callable, Iterator

import pytest

from storage import chunks, files
from storage.database.connection import Database
from storage.errors import AttemptLost, StoreRefused
from tests.storage import files_in
from tests.storage.files_in import MODEL, new_chunk, normalised, unit_vector


def claimed(database: Database, attempt: str = "one") -> int:
    """A file in the hands of an attempt that has claimed its content."""
    file = files_in.processing(database, attempt)
    assert files.claim_content(database, file.id, attempt, files_in.sha256(file.object_key)) is None
    return file.id


def test_the_chunks_of_a_file_appear_with_its_completion(database: Database) -> None:
    file_id = claimed(database)
    done = chunks.replace_and_complete(database, file_id, "one", [new_chunk(0), new_chunk(1)], MODEL)
    assert (done.status, done.attempt) == ("COMPLETED", None)
    assert done.completed_at is not None
    assert chunks.count(database, file_id) == chunks.count(database) == 2
    assert chunks.page(database, file_id)[1] == chunks.Chunk(file_id, 1, "piece 1", 800, 1800, MODEL)
    assert chunks.models(database) == (MODEL,)


def test_the_vector_comes_back_as_it_was_given(database: Database) -> None:
    vector = unit_vector(7)
    files_in.completed(database, [vector])
    with database.session() as session:
        ((text,),) = session.rows("SELECT embedding::text FROM chunks")
    kept = [float(number) for number in text.strip("[]").split(",")]
    assert kept == pytest.approx(vector, abs=1e-7)


def test_a_text_that_postgresql_can_not_keep_is_made_keepable(database: Database) -> None:
    file_id = claimed(database)
    piece = chunks.NewChunk(0, "a\0b\ud800c 愛 👩‍💻 \\N \t\n", 0, 9, unit_vector(1))
    chunks.replace_and_complete(database, file_id, "one", [piece], MODEL)
    assert chunks.page(database, file_id)[0].text == "abc 愛 👩‍💻 \\N \t\n"


def test_a_file_without_text_is_completed_without_chunks(database: Database) -> None:
    file_id = claimed(database)
    assert chunks.replace_and_complete(database, file_id, "one", [], MODEL).status == "COMPLETED"
    assert chunks.count(database, file_id) == 0


def test_pages_of_chunks_follow_each_other(database: Database) -> None:
    file = files_in.completed(database, [unit_vector(seed) for seed in range(5)])
    first = chunks.page(database, file.id, limit=3)
    second = chunks.page(database, file.id, after=first[-1].ordinal, limit=3)
    assert [chunk.ordinal for chunk in first + second] == [0, 1, 2, 3, 4]


def test_more_chunks_than_fit_in_memory_go_through_the_disk(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "SPOOL_BYTES", 10_000)
    file_id = claimed(database)
    pieces = (new_chunk(ordinal) for ordinal in range(20))
    chunks.replace_and_complete(database, file_id, "one", pieces, MODEL)
    assert chunks.count(database, file_id) == 20


@pytest.mark.parametrize(
    ("embedding", "words"),
    [
        ([1.0] * 767, "767 numbers"),
        ([], "0 numbers"),
        ([0.0] * 768, "is zero"),
        ([1e-60] * 768, "is zero"),
        ([float("nan")] * 768, "not finite"),
        ([1e300] * 768, "not finite"),
    ],
)
def test_an_embedding_that_could_not_be_searched_is_refused_and_nothing_changes(
    database: Database, embedding: list[float], words: str
) -> None:
    file_id = claimed(database)
    pieces = [new_chunk(0), new_chunk(1, embedding)]
    with pytest.raises(StoreRefused, match=words):
        chunks.replace_and_complete(database, file_id, "one", pieces, MODEL)
    assert chunks.count(database) == 0
    assert files_in.found(database, file_id).status == "PROCESSING"
    with pytest.raises(StoreRefused, match=words):
        chunks.nearest(database, embedding, MODEL)


def test_what_an_earlier_attempt_stored_is_replaced(database: Database) -> None:
    file_id = claimed(database)
    chunks.replace_and_complete(database, file_id, "one", [new_chunk(n) for n in range(5)], MODEL)
    with database.session() as session:
        session.run("UPDATE files SET status = 'PROCESSING', attempt = 'two' WHERE id = %s", (file_id,))
    chunks.replace_and_complete(database, file_id, "two", [new_chunk(0)], "model-b")
    assert [chunk.embedding_model for chunk in chunks.page(database, file_id)] == ["model-b"]


def test_content_that_was_not_claimed_can_not_be_completed_and_leaves_no_chunk(database: Database) -> None:
    file = files_in.processing(database)
    with pytest.raises(StoreRefused, match="files_completed"):
        chunks.replace_and_complete(database, file.id, "one", [new_chunk(0)], MODEL)
    assert chunks.count(database) == 0


def delete(database: Database, file_id: int) -> None:
    files.delete_reservation(database, file_id, "one")


def fail(database: Database, file_id: int) -> None:
    files.mark_failed(database, file_id, "one", "broken")


def take_over(database: Database, file_id: int) -> None:
    files.begin_processing(database, file_id, "two")


@pytest.mark.parametrize("meanwhile", [delete, fail, take_over])
def test_a_file_that_was_lost_while_its_chunks_were_made_gets_none(
    database: Database, meanwhile: Callable[[Database, int], None]
) -> None:
    file_id = claimed(database)

    def pieces() -> Iterator[chunks.NewChunk]:
        yield new_chunk(0)
        meanwhile(database, file_id)

    with pytest.raises(AttemptLost):
        chunks.replace_and_complete(database, file_id, "one", pieces(), MODEL)
    assert chunks.count(database) == 0


def test_a_worker_killed_before_the_commit_leaves_nothing_and_the_next_attempt_the_same_rows(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = claimed(database)
    child = os.fork()
    if child == 0:
        try:
            monkeypatch.setattr(files, "complete", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
            chunks.replace_and_complete(database, file_id, "one", [new_chunk(0), new_chunk(1)], MODEL)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert chunks.count(database) == 0
    assert files.begin_processing(database, file_id, "two") is not None
    chunks.replace_and_complete(database, file_id, "two", [new_chunk(0), new_chunk(1)], MODEL)
    assert [chunk.ordinal for chunk in chunks.page(database, file_id)] == [0, 1]


def test_the_nearest_chunk_comes_first_with_its_likeness(database: Database) -> None:
    vectors = [unit_vector(seed) for seed in range(20)]
    file = files_in.completed(database, vectors, name="report.pdf")
    question = normalised([a + 0.1 * b for a, b in zip(vectors[3], vectors[11], strict=True)])
    first, second, *_ = hits = chunks.nearest(database, question, MODEL, limit=5)
    assert len(hits) == 5
    assert (first.file_id, first.file_name, first.ordinal, first.text) == (file.id, "report.pdf", 3, "piece 3")
    assert first.score == pytest.approx(0.995, abs=0.01)
    assert second.ordinal == 11
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_vectors_of_another_model_are_never_compared(database: Database) -> None:
    files_in.completed(database, [unit_vector(1)], model="model-b")
    assert chunks.nearest(database, unit_vector(1), MODEL) == ()


def test_only_the_owners_chunks_are_searched_when_an_owner_is_given(database: Database) -> None:
    files_in.completed(database, [unit_vector(1)])
    bob = files_in.owner(database, "bob@example.com")
    theirs = files_in.completed(database, [unit_vector(2)], owner_id=bob)
    assert [hit.file_id for hit in chunks.nearest(database, unit_vector(1), MODEL, owner_id=bob)] == [theirs.id]


def test_a_rare_model_is_found_in_full_behind_a_crowd_of_nearer_vectors(database: Database) -> None:
    """The index hands out the crowd first; a search that stops there answers nothing."""
    generator = random.Random(1)
    centre = unit_vector(0)
    crowd = [normalised([x + generator.gauss(0, 0.01) for x in centre]) for _ in range(600)]
    files_in.completed(database, crowd)
    files_in.completed(database, [unit_vector(seed) for seed in range(1, 13)], model="rare")
    with database.session() as session:
        # Makes the planner use the vector index, as it would by itself with many more rows.
        for plan in ("seqscan", "bitmapscan", "sort"):
            session.run(f"SET enable_{plan} = off")
        assert len(chunks.nearest(database, centre, "rare", limit=10)) == 10
        assert len(chunks.nearest(database, centre, MODEL, limit=10)) == 10
