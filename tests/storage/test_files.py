"""The life of a file, over a real PostgreSQL: attempts that die, come back, and race."""

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from typing import Any

import pytest

from storage import chunks, files
from storage.database.connection import Database
from storage.errors import AttemptLost, Refused, StoreRefused
from storage.files import Status
from tests.storage import files_in

HASH = files_in.sha256("content")
GONE = 4711


def test_a_reservation_waits_for_its_bytes_under_a_key_of_its_own(database: Database) -> None:
    first = files_in.pending(database, name="Secret plans.pdf")
    second = files_in.pending(database, name="Secret plans.pdf")
    assert (first.status, first.attempt, first.sha256, first.uploaded_at) == ("PENDING", None, None, None)
    assert first.object_key != second.object_key
    assert "ecret" not in first.object_key
    assert first.created_at.tzinfo is UTC
    assert files.get(database, first.id) == first


def test_a_name_that_postgresql_can_not_keep_is_made_keepable(database: Database) -> None:
    assert files_in.pending(database, name="a\0b\ud800.txt").name == "ab.txt"
    assert len(files_in.pending(database, name="x" * 600).name) == files.LONGEST_NAME


def test_a_file_needs_a_name_a_size_and_an_owner(database: Database) -> None:
    owner_id = files_in.owner(database)
    with pytest.raises(Refused, match="name"):
        files.reserve(database, owner_id, "\0 ", "text/plain", 1, "public")
    with pytest.raises(Refused, match="-1 bytes"):
        files.reserve(database, owner_id, "a", "text/plain", -1, "public")
    with pytest.raises(StoreRefused):
        files.reserve(database, GONE, "a", "text/plain", 1, "public")


def test_an_upload_is_confirmed_with_its_true_size_and_twice_is_the_same_as_once(database: Database) -> None:
    file = files_in.pending(database)
    confirmed = files.confirm_upload(database, file.id, size_bytes=12)
    assert confirmed.size_bytes == 12
    assert confirmed.uploaded_at is not None
    assert files.confirm_upload(database, file.id).size_bytes == 12


def test_an_upload_of_a_file_that_does_not_wait_is_refused(database: Database) -> None:
    with pytest.raises(Refused, match="it is gone"):
        files.confirm_upload(database, GONE)
    with pytest.raises(Refused, match="it is COMPLETED"):
        files.confirm_upload(database, files_in.completed(database).id)


def test_every_status_is_counted_also_those_without_files(database: Database) -> None:
    files_in.completed(database)
    files_in.pending(database)
    files_in.pending(database)
    expected: dict[Status, int] = {"PENDING": 2, "PROCESSING": 0, "COMPLETED": 1, "FAILED": 0, "DUPLICATE": 0}
    assert files.counts(database) == expected


def test_pages_go_from_the_newest_to_the_oldest_without_gap_or_repeat(database: Database) -> None:
    ids = [files_in.pending(database).id for _ in range(5)]
    other = files_in.pending(database, owner_id=files_in.owner(database, "bob@example.com"))
    first = files.page(database, limit=4)
    second = files.page(database, limit=4, before_id=first[-1].id)
    assert [file.id for file in first + second] == [other.id, *reversed(ids)]
    assert files.page(database, owner_id=other.owner_id) == (other,)
    assert files.page(database, status="FAILED") == ()
    assert len(files.page(database, status="PENDING")) == 6


def test_an_attempt_that_begins_has_the_file(database: Database) -> None:
    file = files_in.processing(database, "one")
    assert (file.status, file.attempt) == ("PROCESSING", "one")


def test_a_file_that_is_gone_can_not_be_begun(database: Database) -> None:
    assert files.begin_processing(database, GONE, "one") is None


def test_a_file_that_is_finished_is_answered_as_it_is(database: Database) -> None:
    file = files_in.completed(database)
    assert files.begin_processing(database, file.id, "two") == file


def test_a_failed_file_can_begin_again_without_its_old_error(database: Database) -> None:
    file = files_in.failed(database)
    assert (file.status, file.error, file.attempt) == ("FAILED", "broken", None)
    again = files.begin_processing(database, file.id, "two")
    assert again is not None
    assert (again.status, again.error, again.attempt) == ("PROCESSING", None, "two")


def test_an_attempt_that_was_taken_over_can_write_nothing_more(database: Database) -> None:
    file = files_in.processing(database, "one")
    files.begin_processing(database, file.id, "two")
    with pytest.raises(AttemptLost):
        files.claim_content(database, file.id, "one", HASH)
    with pytest.raises(AttemptLost):
        files.mark_duplicate(database, file.id, "one", file.id)
    with pytest.raises(AttemptLost):
        chunks.replace_and_complete(database, file.id, "one", [files_in.new_chunk(0)], "m")
    assert not files.mark_failed(database, file.id, "one", "late")
    assert not files.delete_reservation(database, file.id, "one")
    assert files_in.found(database, file.id).attempt == "two"
    assert chunks.count(database) == 0


def test_the_same_content_of_one_owner_is_claimed_once(database: Database) -> None:
    first = files_in.processing(database)
    second = files_in.processing(database)
    assert files.claim_content(database, first.id, "one", HASH) is None
    assert files.claim_content(database, second.id, "one", HASH) == first.id
    duplicate = files.mark_duplicate(database, second.id, "one", first.id)
    assert (duplicate.status, duplicate.duplicate_of, duplicate.sha256) == ("DUPLICATE", first.id, HASH)


def test_the_same_content_of_another_owner_is_no_duplicate(database: Database) -> None:
    first = files_in.processing(database)
    second = files_in.processing(database, owner_id=files_in.owner(database, "bob@example.com"))
    assert files.claim_content(database, first.id, "one", HASH) is None
    assert files.claim_content(database, second.id, "one", HASH) is None


def test_claiming_again_is_no_duplicate_of_itself(database: Database) -> None:
    file = files_in.processing(database)
    assert files.claim_content(database, file.id, "one", HASH) is None
    assert files.claim_content(database, file.id, "one", HASH) is None


def test_the_attempt_after_one_that_died_with_the_claim_can_claim_it_again(database: Database) -> None:
    file = files_in.processing(database, "one")
    assert files.claim_content(database, file.id, "one", HASH) is None
    other = files_in.processing(database)
    again = files.begin_processing(database, file.id, "two")
    assert again is not None
    assert again.sha256 == HASH
    assert files.claim_content(database, other.id, "one", HASH) == file.id
    assert files.claim_content(database, file.id, "two", HASH) is None


def test_a_failed_file_gives_its_claim_up(database: Database) -> None:
    first = files_in.processing(database)
    second = files_in.processing(database)
    assert files.claim_content(database, first.id, "one", HASH) is None
    assert files.mark_failed(database, first.id, "one", "broken")
    assert files.claim_content(database, second.id, "one", HASH) is None
    assert files.begin_processing(database, first.id, "two") is not None
    assert files.claim_content(database, first.id, "two", HASH) == second.id


def test_of_many_that_claim_the_same_content_at_once_exactly_one_goes_on(database: Database) -> None:
    for _ in range(10):
        content = secrets.token_hex(32)
        ids = [files_in.processing(database).id for _ in range(8)]
        barrier = threading.Barrier(len(ids))

        def claim(file_id: int, content: str = content, barrier: threading.Barrier = barrier) -> int | None:
            barrier.wait(timeout=20)
            return files.claim_content(database, file_id, "one", content)

        with ThreadPoolExecutor(len(ids)) as threads:
            answers = dict(zip(ids, threads.map(claim, ids), strict=True))
        winners = [file_id for file_id, other in answers.items() if other is None]
        assert len(winners) == 1
        assert set(answers.values()) == {None, winners[0]}


def test_a_duplicate_stays_one_when_its_original_is_deleted(database: Database) -> None:
    first = files_in.processing(database)
    second = files_in.processing(database)
    files.claim_content(database, first.id, "one", HASH)
    files.mark_duplicate(database, second.id, "one", first.id)
    assert files.delete_reservation(database, first.id, "one")
    left = files_in.found(database, second.id)
    assert (left.status, left.duplicate_of) == ("DUPLICATE", None)


def test_a_failure_is_kept_with_a_reason_that_postgresql_can_keep(database: Database) -> None:
    file = files_in.processing(database)
    assert files.mark_failed(database, file.id, "one", "bad \0byte " + "x" * 5000)
    failed = files_in.found(database, file.id)
    assert failed.error is not None
    assert failed.error.startswith("bad byte xxx")
    assert len(failed.error) == files.LONGEST_ERROR


def test_whoever_buries_a_job_can_fail_its_file_whichever_attempt_has_it(database: Database) -> None:
    file = files_in.processing(database, "seven")
    assert files.mark_failed(database, file.id, None, "its worker died three times")
    assert files_in.found(database, file.id).status == "FAILED"
    assert not files.mark_failed(database, file.id, None, "again")


def test_a_finished_file_can_not_fail(database: Database) -> None:
    file = files_in.completed(database)
    assert not files.mark_failed(database, file.id, None, "late")
    assert files_in.found(database, file.id) == file


@pytest.mark.parametrize("verb", [files.complete, files.delete_reservation])
def test_what_ends_a_file_does_it_once(database: Database, verb: Any) -> None:
    file = files_in.processing(database)
    files.claim_content(database, file.id, "one", HASH)
    assert verb(database, file.id, "one")
    try:
        assert verb(database, file.id, "one") is False
    except AttemptLost:
        assert files_in.found(database, file.id).status == "COMPLETED"


def test_listing_files_uses_an_index(database: Database) -> None:
    with database.session() as session:
        session.run("SET enable_seqscan = off")
        query = "SELECT id FROM files WHERE status = 'FAILED' AND id < 100 ORDER BY id DESC LIMIT 10"
        plan = "\n".join(row[0] for row in session.rows("EXPLAIN " + query))
    assert "files_status" in plan
    assert "Sort" not in plan
