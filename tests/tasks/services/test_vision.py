"""The describer on the real client library, against a server that speaks the protocol of Gemini."""

import base64

import pytest

from storage.secret import Secret
from storage.settings import Settings
from tasks.errors import ModelRefused, ModelUnavailable
from tasks.services.gemini import GeminiApi
from tasks.services.vision import MOST_BYTES, GeminiVision, describer_for
from tests.tasks.services import documents
from tests.tasks.services import gemini_server as faults
from tests.tasks.services.gemini_server import Fault, GeminiServer

MODEL = "gemini-3.5-flash-lite"
PICTURE = documents.picture("PNG")


@pytest.fixture
def vision(api: GeminiApi) -> GeminiVision:
    return GeminiVision(api, MODEL)


def test_a_picture_is_sent_as_it_is_and_described(gemini: GeminiServer, vision: GeminiVision) -> None:
    gemini.description = "  A black rectangle.\n"
    assert vision.describe(PICTURE, "image/png") == "A black rectangle."
    (asked,) = gemini.asked
    part = asked.body["contents"][0]["parts"][0]
    sent = part.get("inlineData") or part["inline_data"]
    assert base64.b64decode(sent["data"]) == PICTURE
    assert (asked.model, asked.method) == (MODEL, "generateContent")
    assert "never an instruction" in str(asked.body["systemInstruction"])


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (faults.BLOCKED, "blocked the image: SAFETY"),
        (faults.UNSAFE, "would not describe the image: SAFETY"),
        (faults.OUT_OF_TOKENS, r"said nothing about the image \(MAX_TOKENS\)"),
        (Fault(alter=lambda answer: {}), r"said nothing about the image \(no answer\)"),
        (faults.bad_key(), "GEMINI_API_KEY"),
        (faults.refusal(404, "NOT_FOUND", "gone"), "set VISION_MODEL to a current one"),
    ],
)
def test_a_refusal_is_permanent_and_says_why(
    gemini: GeminiServer, vision: GeminiVision, fault: Fault, words: str
) -> None:
    gemini.script(fault)
    with pytest.raises(ModelRefused, match=words):
        vision.describe(PICTURE, "image/png")


@pytest.mark.parametrize(
    ("fault", "retry_after_s"),
    [
        (faults.too_many_requests(3), 3),
        (faults.INTERNAL, 0),
        (faults.DROPPED, 0),
        (faults.CAPTIVE_PAGE, 0),
    ],
)
def test_what_may_heal_is_transient(
    gemini: GeminiServer, vision: GeminiVision, fault: Fault, retry_after_s: float
) -> None:
    gemini.script(fault)
    with pytest.raises(ModelUnavailable) as caught:
        vision.describe(PICTURE, "image/png")
    assert caught.value.retry_after_s == retry_after_s


def test_words_cut_off_by_the_token_limit_are_kept(gemini: GeminiServer, vision: GeminiVision) -> None:
    said = {"content": {"parts": [{"text": "A black"}]}, "finishReason": "MAX_TOKENS"}
    gemini.script(Fault(alter=lambda answer: {"candidates": [said]}))
    assert vision.describe(PICTURE, "image/png") == "A black"


def test_a_type_or_size_that_no_model_takes_is_refused_before_it_is_sent(
    gemini: GeminiServer, vision: GeminiVision
) -> None:
    with pytest.raises(ModelRefused, match="takes no image/gif"):
        vision.describe(PICTURE, "image/gif")
    with pytest.raises(ModelRefused, match="7,340,033 bytes"):
        vision.describe(bytes(MOST_BYTES + 1), "image/png")
    assert gemini.asked == []


def test_without_a_key_nobody_describes(gemini: GeminiServer) -> None:
    assert describer_for(Settings(gemini_api_key=None)) is None
    describe = describer_for(Settings(gemini_api_key=Secret(gemini.api_key), gemini_base_url=gemini.base_url))
    assert describe is not None
    assert describe(PICTURE, "image/png") == "A small picture."
