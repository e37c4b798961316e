"""The embedder on the real client library, against a server that speaks the protocol of Gemini."""

import math
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from storage.secret import Secret
from storage.settings import Settings
from tasks.errors import ModelRefused, ModelUnavailable
from tasks.services.embedding import DIMENSIONS, GeminiEmbedder, embedder_for
from tasks.services.gemini import GeminiApi
from tasks.services.lexical import LexicalEmbedder
from tests.tasks.services import gemini_server as faults
from tests.tasks.services.gemini_server import Fault, GeminiServer

MODEL = "gemini-embedding-001"


@pytest.fixture
def embedder(api: GeminiApi) -> GeminiEmbedder:
    return GeminiEmbedder(api, MODEL)


def test_documents_become_unit_vectors_in_their_order(gemini: GeminiServer, embedder: GeminiEmbedder) -> None:
    texts = [f"document number {number}" for number in range(70)]
    seen: list[tuple[int, int]] = []
    vectors = embedder.embed_documents(texts, on_batch=lambda done, total: seen.append((done, total)))
    expected = LexicalEmbedder().embed_documents(texts)
    assert len(vectors) == 70
    for vector, twin in zip(vectors, expected, strict=True):
        assert vector == pytest.approx(twin)
        assert math.fsum(value * value for value in vector) == pytest.approx(1)
    assert seen == [(32, 70), (64, 70), (70, 70)]
    assert [len(asked.texts) for asked in gemini.asked] == [32, 32, 6]


def test_the_first_generation_is_told_the_purpose_by_task_type(gemini: GeminiServer, embedder: GeminiEmbedder) -> None:
    embedder.embed_documents(["a text"])
    embedder.embed_query("a question")
    document, query = gemini.asked
    assert document.body["requests"][0]["taskType"] == "RETRIEVAL_DOCUMENT"
    assert query.body["requests"][0]["taskType"] == "RETRIEVAL_QUERY"
    assert document.body["requests"][0]["outputDimensionality"] == DIMENSIONS
    assert (document.texts, query.texts) == (["a text"], ["a question"])


def test_the_second_generation_is_told_the_purpose_in_the_text(gemini: GeminiServer, api: GeminiApi) -> None:
    embedder = GeminiEmbedder(api, "gemini-embedding-2")
    assert len(embedder.embed_documents(["a text", "another"])) == 2
    embedder.embed_query("a question")
    assert gemini.asked[0].texts == ["title: none | text: a text", "title: none | text: another"]
    assert gemini.asked[1].texts == ["task: search result | query: a question"]
    assert "taskType" not in gemini.asked[0].body["requests"][0]


@pytest.mark.parametrize(
    ("fault", "words", "retry_after_s"),
    [
        (faults.too_many_requests(17.5), "answered 429: You exceeded", 17.5),
        (faults.too_many_requests_by_header("42"), "answered 429: Slow down", 42),
        (faults.too_many_requests_by_header("nonsense"), "answered 429", 0),
        (faults.INTERNAL, "answered 500: An internal error", 0),
        (faults.UNAVAILABLE_PAGE, "answered 503: Service Unavailable", 0),
        (faults.CAPTIVE_PAGE, "no JSON that makes sense", 0),
        (Fault(body=b'{"embeddings": "none"}'), "makes sense", 0),
        (Fault(302, {"Location": "/elsewhere"}, b""), "answered 302", 0),
        (faults.DROPPED, "did not answer", 0),
        (faults.TOO_FEW_VECTORS, "1 vectors for 2 texts", 0),
        (faults.NOT_A_NUMBER, "length nan", 0),
        (faults.ZERO_VECTOR, "length 0.0", 0),
    ],
)
def test_what_may_heal_is_transient_and_carries_the_waiting_time(
    gemini: GeminiServer, embedder: GeminiEmbedder, fault: Fault, words: str, retry_after_s: float
) -> None:
    gemini.script(fault)
    with pytest.raises(ModelUnavailable, match=words) as caught:
        embedder.embed_documents(["one", "two"])
    assert caught.value.retry_after_s == retry_after_s
    assert "<html" not in str(caught.value)
    assert len(gemini.asked) == 1, "the library must not retry by itself"
    assert len(embedder.embed_documents(["one", "two"])) == 2


def test_the_header_may_name_a_date(gemini: GeminiServer, embedder: GeminiEmbedder) -> None:
    gemini.script(faults.too_many_requests_by_header(format_datetime(datetime.now(UTC) + timedelta(minutes=5))))
    with pytest.raises(ModelUnavailable) as caught:
        embedder.embed_query("x")
    assert 280 < caught.value.retry_after_s <= 300


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (faults.bad_key(), "the key in GEMINI_API_KEY may not use"),
        (faults.FORBIDDEN, "the key in GEMINI_API_KEY may not use"),
        (faults.refusal(400, "INVALID_ARGUMENT", "bad request"), "refused the request: 400 bad request"),
        (faults.WRONG_DIMENSIONS, "3072 numbers instead of 768: set EMBEDDING_MODEL"),
    ],
)
def test_what_can_not_heal_is_permanent_and_names_the_remedy(
    gemini: GeminiServer, embedder: GeminiEmbedder, fault: Fault, words: str
) -> None:
    gemini.script(fault)
    with pytest.raises(ModelRefused, match=words) as caught:
        embedder.embed_documents(["one"])
    assert MODEL in str(caught.value)
    assert gemini.api_key not in str(caught.value)


def test_a_dead_model_names_itself_and_the_setting_to_change(gemini: GeminiServer, api: GeminiApi) -> None:
    with pytest.raises(ModelRefused, match=r"no model text-embedding-004 .* set EMBEDDING_MODEL"):
        GeminiEmbedder(api, "text-embedding-004").embed_query("x")


def test_a_server_that_is_not_there_or_too_slow_is_transient(gemini: GeminiServer) -> None:
    nowhere = GeminiApi(Secret("a-key"), "http://127.0.0.1:9", timeout_s=1)
    with pytest.raises(ModelUnavailable, match="did not answer"):
        GeminiEmbedder(nowhere, MODEL).embed_query("x")
    nowhere.close()
    hasty = GeminiApi(Secret("a-key"), gemini.base_url, timeout_s=0.2)
    gemini.script(faults.slow(1))
    with pytest.raises(ModelUnavailable, match="did not answer"):
        GeminiEmbedder(hasty, MODEL).embed_query("x")
    hasty.close()


def test_a_blank_text_is_refused_before_it_is_sent(gemini: GeminiServer, embedder: GeminiEmbedder) -> None:
    with pytest.raises(ModelRefused, match="text 2 of 2 is blank"):
        embedder.embed_documents(["one", " \n"])
    assert gemini.asked == []


def test_no_text_asks_nothing(gemini: GeminiServer, embedder: GeminiEmbedder) -> None:
    assert embedder.embed_documents([]) == []
    assert gemini.asked == []


def test_more_than_a_hundred_at_once_are_never_asked(api: GeminiApi) -> None:
    with pytest.raises(ValueError, match="between 1 and 100"):
        GeminiEmbedder(api, MODEL, batch=101)


def test_the_server_refuses_more_than_a_hundred_as_the_api_does(gemini: GeminiServer, api: GeminiApi) -> None:
    embedder = GeminiEmbedder(api, MODEL)
    embedder._batch = 101
    with pytest.raises(ModelRefused, match="at most 100 requests"):
        embedder.embed_documents(["x"] * 101)


def test_threads_share_one_client(embedder: GeminiEmbedder) -> None:
    with ThreadPoolExecutor(8) as pool:
        vectors = list(pool.map(embedder.embed_query, [f"question {number}" for number in range(40)]))
    assert len(vectors) == 40


def _ask_in_a_fork(embedder: GeminiEmbedder, parent_client: int) -> None:
    assert len(embedder.embed_query("asked in a fork")) == DIMENSIONS
    assert id(embedder._api.client) != parent_client


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_fork_makes_a_client_of_its_own(gemini: GeminiServer, api: GeminiApi) -> None:
    embedder = GeminiEmbedder(api, MODEL)
    embedder.embed_query("asked before the fork")
    worker = multiprocessing.get_context("fork").Process(target=_ask_in_a_fork, args=(embedder, id(api.client)))
    worker.start()
    worker.join(30)
    assert worker.exitcode == 0
    embedder.embed_query("asked after the fork")
    assert len(gemini.asked) == 3


def test_the_settings_choose_the_embedder(gemini: GeminiServer) -> None:
    assert embedder_for(Settings(gemini_api_key=None)).model == "lexical-768"
    chosen = embedder_for(
        Settings(
            gemini_api_key=Secret(gemini.api_key),
            gemini_base_url=gemini.base_url,
            embedding_model="gemini-embedding-2",
        )
    )
    assert isinstance(chosen, GeminiEmbedder)
    assert chosen.model == "gemini-embedding-2"
    assert len(chosen.embed_query("hello")) == DIMENSIONS
    chosen._api.close()
