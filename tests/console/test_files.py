"""The screen of files: pages without gaps, hostile names and texts, and real files in PostgreSQL."""

from pathlib import Path

import pytest
import redis

from console.gateway.demo import DemoGateway
from console.gateway.errors import GatewayRefused, GatewayUnavailable
from console.gateway.library import FILES_PER_PAGE, FilePage, FileRow
from console.gateway.live import LiveGateway, Opened
from console.screens.file import FileScreen
from console.screens.files import FilesScreen
from console.widgets.shelf import Shelf
from storage import chunks, files, users
from storage.broker.broker import Broker
from storage.broker.inspector import Inspector
from storage.chunks import NewChunk
from storage.embedded import Endpoints
from storage.files import Status
from storage.settings import Settings
from storage.values import replace
from tasks.operations import Operations
from tasks.resources import Resources
from tests.console.gateways import FlakyGateway, HostileGateway
from tests.console.payloads import PAYLOADS
from tests.console.stage import Stage, hidden_characters, play, still_app

MODEL = DemoGateway().files(None, None).rows[0]


def _rows(first: int, last: int) -> list[FileRow]:
    return [replace(MODEL, id=number) for number in range(first, last - 1, -1)]


def _ids(shelf: Shelf) -> list[int]:
    return [row.id for row in shelf.rows]


def test_pages_stand_one_below_the_other() -> None:
    shelf = Shelf()
    shelf.put(None, _rows(30, 21), 10)
    assert (shelf.last_id, shelf.is_whole) == (21, False)
    shelf.put(21, _rows(20, 11), 10)
    shelf.put(11, _rows(10, 5), 10)
    assert _ids(shelf) == list(range(30, 4, -1))
    assert shelf.is_whole


def test_a_new_file_comes_on_top_and_a_deleted_one_goes() -> None:
    shelf = Shelf()
    shelf.put(None, _rows(30, 21), 10)
    shelf.put(21, _rows(20, 15), 10)
    shelf.put(None, [row for row in _rows(32, 22) if row.id != 25], 10)
    assert _ids(shelf) == [32, 31, 30, 29, 28, 27, 26, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15]


def test_so_many_new_files_that_a_gap_would_be_left_begin_anew() -> None:
    shelf = Shelf()
    shelf.put(None, _rows(30, 21), 10)
    shelf.put(None, _rows(90, 81), 10)
    assert _ids(shelf) == list(range(90, 80, -1))
    assert not shelf.is_whole


class Many(DemoGateway):
    """A thousand files."""

    def files(self, status: Status | None, before_id: int | None) -> FilePage:
        top = 1_000 if before_id is None else before_id - 1
        return FilePage(tuple(_rows(top, max(1, top - FILES_PER_PAGE + 1))), {"COMPLETED": 10_001})


def test_the_list_goes_on_as_one_walks_down() -> None:
    async def script(stage: Stage) -> None:
        screen = stage.app.screen
        assert isinstance(screen, FilesScreen)
        assert "10,000+ files" in stage.text
        assert screen.table.total == FILES_PER_PAGE
        for _ in range(20):
            await stage.press("G")
        assert screen.table.total == 1_000
        row = screen.table.row
        assert row is not None
        assert row.id == 1

    play(script, still_app(Many(), start="files"))


def test_a_status_without_files_and_a_library_without_any_look_different() -> None:
    class NoneFailed(DemoGateway):
        def files(self, status: Status | None, before_id: int | None) -> FilePage:
            page = super().files(status, before_id)
            return replace(page, rows=()) if status == "FAILED" else page

    async def none_failed(stage: Stage) -> None:
        await stage.press("]", "]", "]", "]")
        assert "nothing matches  status FAILED" in stage.text

    async def none(stage: Stage) -> None:
        assert "No file yet." in stage.text
        await stage.press("enter", "y", "]")
        assert "status PENDING" in stage.text

    play(none_failed, still_app(NoneFailed(), start="files"))
    play(none, still_app(DemoGateway(empty=True), start="files"))


def test_a_search_that_is_refused_says_why_and_leaves_the_files() -> None:
    gateway = FlakyGateway()

    async def script(stage: Stage) -> None:
        await stage.press("slash")
        await stage.type("x")
        gateway.error = GatewayRefused("the model does not exist [/foo]")
        await stage.press("enter")
        gateway.error = None
        assert "the model does not exist [/foo]" in stage.notes
        assert "137 files" in stage.text

    play(script, still_app(gateway, start="files"))


def test_hostile_files_passages_and_hits_are_drawn_as_text() -> None:
    gateway = HostileGateway(PAYLOADS)

    async def script(stage: Stage) -> None:
        for _ in PAYLOADS:
            assert hidden_characters(stage.text) == []
            await stage.press("enter")
            assert isinstance(stage.app.screen, FileScreen)
            assert hidden_characters(stage.text) == []
            await stage.press("escape", "j")
        await stage.press("slash")
        await stage.type("x")
        await stage.press("enter")
        for _ in PAYLOADS:
            assert hidden_characters(stage.text) == []
            await stage.press("j")
        await stage.press("y")
        assert hidden_characters(stage.app.clipboard.replace("\n", " ")) == []

    play(script, still_app(gateway, start="files"), (120, 40))
    assert gateway.acted == []


@pytest.fixture
def gateway(
    redis_client: "redis.Redis", namespace: str, redis_url: str, database_url: str, tmp_path: Path
) -> LiveGateway:
    settings = Settings(dewey_home=tmp_path, dewey_namespace=namespace)
    held = Resources(settings, Endpoints(redis_url, database_url, tmp_path, frozenset()))
    inspector = Inspector(redis_client, namespace)
    return LiveGateway(Opened(inspector, Operations(Broker(redis_client, namespace), inspector)), "ada", held=held)


def _ingest(gateway: LiveGateway, name: str, *texts: str) -> int:
    held = gateway._held
    assert held is not None
    owner = users.ensure(held.database, "ada@example.com", "Ada")
    file = files.reserve(held.database, owner.id, name, "text/plain", 10, "private")
    files.confirm_upload(held.database, file.id)
    files.begin_processing(held.database, file.id, "one")
    files.claim_content(held.database, file.id, "one", f"{file.id:064}")
    vectors = held.embedder.embed_documents(texts)
    made = [NewChunk(at, text, at * 10, at * 10 + 9, vectors[at]) for at, text in enumerate(texts)]
    chunks.replace_and_complete(held.database, file.id, "one", made, held.embedder.model)
    return file.id


def test_real_files_are_listed_opened_and_found(gateway: LiveGateway) -> None:
    first = _ingest(gateway, "harbour.txt", "boats in the harbour", "the lighthouse keeper")
    _ingest(gateway, "garden.txt", "roses and beans", "a spade in the shed")

    async def script(stage: Stage) -> None:
        assert "garden.txt" in stage.text
        assert "Completed 2" in stage.text
        await stage.press("slash")
        await stage.type("lighthouse keeper")
        await stage.press("enter")
        screen = stage.app.screen
        assert isinstance(screen, FilesScreen)
        hit = screen.hits.row
        assert hit is not None
        assert (hit.file_id, hit.number) == (first, 2)
        await stage.press("enter")
        assert "▸ Passage 2" in stage.text
        assert "boats in the harbour" in stage.text

    play(script, still_app(gateway, start="files"), (100, 30))


def test_a_file_that_is_gone_is_refused_and_stores_that_are_away_are_unavailable(gateway: LiveGateway) -> None:
    with pytest.raises(GatewayRefused, match="there is no file 9999"):
        gateway.passages(9_999, 0)
    held = gateway._held
    assert held is not None
    gateway._held = Resources(held.settings, replace(held.endpoints, database_url="postgresql://x@127.0.0.1:1/x"))
    with pytest.raises(GatewayUnavailable):
        gateway.files(None, None)
    gateway._held = None
    with pytest.raises(GatewayUnavailable, match="was not told"):
        gateway.search("x")
