"""Files in, passages out: ingest and search."""

import os
from pathlib import Path
from typing import Any

import pytest

from console.commands import waiting
from console.commands.documents import excerpt
from console.commands.opening import open_desk
from storage import chunks, files
from storage.broker.inspector import Inspector
from storage.broker.records import Job
from tests.console.commands.office import CommandLine, Office
from tests.tasks.consumers import consumer

LANTERN = "The harbour master's lantern must be trimmed at dusk, and again when the tide turns."


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A directory of files, nested and hidden ones among them."""
    shelf = tmp_path / "shelf"
    (shelf / "deep" / "er").mkdir(parents=True)
    (shelf / ".git").mkdir()
    (shelf / "notes.txt").write_text(f"Notes.\n\n{LANTERN}\n")
    (shelf / "deep" / "er" / "copy.txt").write_text(f"Notes.\n\n{LANTERN}\n")
    (shelf / "deep" / "empty.txt").write_text("")
    (shelf / ".hidden.txt").write_text("hidden")
    (shelf / ".git" / "config").write_text("hidden too")
    (shelf / "dangling").symlink_to(shelf / "nowhere")
    return shelf


def test_files_and_directories_are_uploaded_each_file_once(dewey: CommandLine, office: Office, shelf: Path) -> None:
    answer = dewey("ingest", shelf, shelf / "notes.txt", "--json", "--owner", "ada@example.com")
    assert answer.status == 0
    assert [Path(one["name"]) for one in answer.document] == [
        shelf / "notes.txt",
        shelf / "deep" / "empty.txt",
        shelf / "deep" / "er" / "copy.txt",
    ]
    rows = files.page(office.jobs.database)
    assert {row.name for row in rows} == {"notes.txt", "empty.txt", "copy.txt"}
    assert {(row.status, row.visibility, row.mime_type) for row in rows} == {("PENDING", "private", "text/plain")}
    assert {office.inspector.job(one["job_id"]).state for one in answer.document} == {"queued"}
    assert dewey("ingest", shelf / "notes.txt", "--visibility", "public").lines == [
        "1 file uploaded; `dewey jobs --queue ingestion` shows their jobs."
    ]
    assert files.page(office.jobs.database, limit=1)[0].visibility == "public"


def test_where_there_is_no_file_nothing_is_uploaded(dewey: CommandLine, office: Office, tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    answer = dewey("ingest", tmp_path / "bare")
    assert (answer.status, answer.out) == (1, "")
    assert f"there is no file in {tmp_path / 'bare'}" in answer.err
    missing = dewey("ingest", tmp_path / "bare", tmp_path / "nowhere", "--json")
    assert missing.status == 2
    assert "there is no file or directory" in missing.document["error"]
    assert office.inspector.count() == 0


def test_an_owner_that_is_no_address_is_wrong_use(dewey: CommandLine, office: Office, shelf: Path) -> None:
    answer = dewey("ingest", shelf, "--owner", "nobody at all")
    assert answer.status == 2
    assert "--owner: 'nobody at all' is not an e-mail address" in answer.err


def test_a_file_that_can_not_be_read_does_not_keep_the_others(
    dewey: CommandLine, office: Office, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open

    def refuse(path: Path, *args: Any, **kwargs: Any) -> Any:
        if path.name == "notes.txt":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    answer = dewey("ingest", shelf)
    assert answer.status == 1
    assert answer.lines == [
        f"{shelf / 'notes.txt'}: it can not be read: Permission denied",
        "2 files uploaded; `dewey jobs --queue ingestion` shows their jobs.",
    ]


def test_names_that_are_no_text_and_hostile_ones_are_taken(dewey: CommandLine, office: Office, tmp_path: Path) -> None:
    shelf = tmp_path / "odd"
    shelf.mkdir()
    for name in (b"caf\xe9.txt", b"\x1b[2Jowned.txt"):
        (shelf / os.fsdecode(name)).write_text("Some words.")
    with consumer(office.jobs, "-w", "2"):
        answer = dewey("ingest", shelf, "--wait")
    assert (answer.status, answer.err) == (0, "")
    assert "\x1b" not in answer.out
    assert {"COMPLETED", "DUPLICATE"} <= set(answer.out.split())


def test_waiting_tells_what_became_of_each_file_and_search_finds_a_sentence(
    dewey: CommandLine, office: Office, shelf: Path
) -> None:
    with consumer(office.jobs, "-w", "1"):
        answer = dewey("ingest", shelf, "--wait", "--json")
        assert answer.status == 1
        by_name = {Path(one["name"]).name: one for one in answer.document}
        ends = {by_name[name]["status"] for name in ("notes.txt", "copy.txt")}
        assert ends == {"COMPLETED", "DUPLICATE"}
        (again,) = (one for one in answer.document if one["status"] == "DUPLICATE")
        assert again["reason"].startswith("same content as file ")
        assert (by_name["empty.txt"]["status"], by_name["empty.txt"]["chunks"]) == ("FAILED", 0)
        assert "nothing" in by_name["empty.txt"]["reason"] or "empty" in by_name["empty.txt"]["reason"]
        human = dewey("ingest", shelf / "notes.txt", "--wait")
        assert human.status == 0
        assert human.lines[0].split() == ["STATUS", "PASSAGES", "FILE"]
        assert human.lines[1].split() == ["DUPLICATE", "0", str(shelf / "notes.txt")]
        assert human.lines[2].strip().startswith("-> same content as file ")
        assert human.lines[-1] == "1 DUPLICATE"
    found = dewey("search", "who trims the lantern at dusk?")
    assert (found.status, found.err) == (0, "")
    assert "notes.txt, passage 1" in found.lines[0] or "copy.txt, passage 1" in found.lines[0]
    assert LANTERN in found.lines[1]
    (hit,) = dewey("search", "lantern", "--limit", "1", "--json").document
    assert LANTERN in hit["text"]


def test_without_a_consumer_the_waiting_ends_with_a_sentence(
    dewey: CommandLine, office: Office, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "NO_CONSUMER_AFTER_S", 0.2)
    monkeypatch.setattr(waiting, "LOOK_S", 0.1)
    answer = dewey("ingest", shelf, "--wait", "--json")
    assert answer.status == 1
    assert answer.document["error"].startswith("no consumer serves the queue ingestion: run `dewey up`")


def test_waiting_too_long_says_how_many_are_left(dewey: CommandLine, office: Office, shelf: Path) -> None:
    answer = dewey("ingest", shelf, "--wait", "--timeout", "0")
    assert answer.status == 1
    assert "3 of 3 jobs have not ended after 0 s; the work goes on without this command" in answer.err


def test_a_file_whose_job_died_over_it_has_a_reason(
    dewey: CommandLine, office: Office, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bury(_: float) -> None:
        for job in office.inspector.jobs(("queued",)).jobs:
            office.run(job.id, error_type="", error="", reason="its worker was lost 3 times")

    monkeypatch.setattr("time.sleep", bury)
    (one,) = dewey("ingest", shelf / "notes.txt", "--wait", "--json").document
    assert (one["status"], one["reason"]) == ("PENDING", "its job is dead: its worker was lost 3 times")


def test_of_many_jobs_only_the_first_in_line_are_asked_for(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [office.add(f"job-{number:03}") for number in range(50)]
    desk = open_desk()
    asked: list[str] = []
    read = Inspector.job

    def watched(inspector: Inspector, job_id: str) -> Job:
        asked.append(job_id)
        return read(inspector, job_id)

    def work(_: float) -> None:
        for one in ids[len(ended) : len(ended) + 15]:
            office.run(one)

    ended: list[int] = []
    monkeypatch.setattr(Inspector, "job", watched)
    monkeypatch.setattr("time.sleep", work)
    waiting.wait_for_all(desk, ids, 30, lambda: ended.append(1))
    assert len(ended) == 50
    assert asked[:20] == ids[:20]
    assert len(asked) <= 4 * 20 + 50


# -- search ----------------------------------------------------------------------------------------------------


def test_search_with_nothing_stored_says_so(dewey: CommandLine, office: Office) -> None:
    assert dewey("search", "anything").out == "Nothing is stored yet: `dewey ingest PATH` adds files.\n"
    assert dewey("search", "anything", "--json").document == []


def test_search_warns_of_passages_that_another_model_embedded(dewey: CommandLine, office: Office) -> None:
    upload = office.jobs.upload(LANTERN.encode())
    office.jobs.drain()
    with office.jobs.database.session() as session:
        session.run("UPDATE chunks SET embedding_model = 'gemini-embedding-001'")
    assert chunks.count(office.jobs.database, upload.file_id) == 1
    answer = dewey("search", "lantern")
    assert answer.out == "Nothing was embedded by lexical-768.\n"
    assert answer.err == (
        "Searched what lexical-768 embedded; passages of gemini-embedding-001 can not be compared with it.\n"
    )
    assert dewey("search", "lantern", "--json").document == []


def test_an_excerpt_shows_the_words_that_were_sought() -> None:
    passage = "Fog. " * 100 + LANTERN + " Wind." * 100
    shown = excerpt(passage, "lantern trimmed at dusk")
    assert LANTERN in shown
    assert len(shown) < 300
    assert (shown[:2], shown[-2:]) == ("… ", " …")
    assert excerpt("short\n  text", "text") == "short text"
    assert excerpt("x" * 1_000, "y") == "x" * 280 + " …"
    assert excerpt(passage, "?").startswith("Fog. Fog.")
