"""Texts made into vectors of 768 floats, L2-normalised, by Gemini or, without a key, offline.

Vectors of different models can not be compared: whoever stores one stores the name of its model beside it.
"""

import math
from collections.abc import Callable, Sequence
from typing import Protocol

from storage.settings import Settings
from tasks.errors import ModelRefused, ModelUnavailable
from tasks.services.gemini import GeminiApi, gemini_for
from tasks.services.lexical import LexicalEmbedder

DIMENSIONS = 768
BATCH = 32
MOST_IN_A_BATCH = 100

OnBatch = Callable[[int, int], None]


class Embedder(Protocol):
    """Makes texts into unit vectors of `DIMENSIONS` floats, all by the model that it names."""

    @property
    def model(self) -> str:
        """The name to store beside each vector."""
        ...

    def embed_documents(self, texts: Sequence[str], on_batch: OnBatch | None = None) -> list[list[float]]:
        """One vector for each text, in order; `on_batch(done, total)` is called as texts are done."""
        ...

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question, to be compared with those of documents."""
        ...


class GeminiEmbedder:
    """Embeds by a Gemini model, in batches; every vector of an answer is checked before it is believed."""

    def __init__(self, api: GeminiApi, model: str, batch: int = BATCH) -> None:
        if not 1 <= batch <= MOST_IN_A_BATCH:
            raise ValueError(f"batch must be between 1 and {MOST_IN_A_BATCH}: {batch}")
        self._api = api
        self._batch = batch
        self.model = model

    def embed_documents(self, texts: Sequence[str], on_batch: OnBatch | None = None) -> list[list[float]]:
        """One vector for each text, in order; `on_batch(done, total)` is called after each request.

        Raises:
            ModelRefused: no later attempt can end otherwise, be it for the model, the key, or a blank text.
            ModelUnavailable: a later attempt may succeed.
        """
        vectors: list[list[float]] = []
        for start in range(0, len(texts), self._batch):
            vectors += self._embed(texts[start : start + self._batch], "RETRIEVAL_DOCUMENT")
            if on_batch is not None:
                on_batch(len(vectors), len(texts))
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question, to be compared with those of documents.

        Raises: as `embed_documents`.
        """
        return self._embed([text], "RETRIEVAL_QUERY")[0]

    def _embed(self, texts: Sequence[str], task_type: str) -> list[list[float]]:
        blank = next((index for index, text in enumerate(texts) if not text.strip()), None)
        if blank is not None:
            raise ModelRefused(f"text {blank + 1} of {len(texts)} is blank, and a blank text has no vector")
        with self._api.asking(self.model, "EMBEDDING_MODEL") as client:
            from google.genai import types  # noqa: PLC0415 (imported late, with the client)

            instructed = _is_instructed_by_text(self.model)
            config = types.EmbedContentConfig(
                task_type=None if instructed else task_type, output_dimensionality=DIMENSIONS
            )
            said = [_with_instruction(text, task_type) for text in texts] if instructed else texts
            # A Content for each text: some models make one vector of a whole list of strings.
            contents = [types.Content(parts=[types.Part(text=text)]) for text in said]
            answer = client.models.embed_content(model=self.model, contents=contents, config=config)
        found = [embedding.values or [] for embedding in answer.embeddings or []]
        if len(found) != len(texts):
            raise ModelUnavailable(f"the model {self.model} gave {len(found)} vectors for {len(texts)} texts")
        return [_checked(values, self.model) for values in found]


def embedder_for(settings: Settings) -> Embedder:
    """Gemini's model of the settings where they hold a key, otherwise the offline embedder.

    Keep it: its connection is made at the first request and used again. It may cross a fork.
    """
    api = gemini_for(settings)
    return LexicalEmbedder() if api is None else GeminiEmbedder(api, settings.embedding_model)


def _is_instructed_by_text(model: str) -> bool:
    """The second generation ignores `task_type` and reads the purpose in front of the text."""
    return model.removeprefix("models/").startswith("gemini-embedding-2")


def _with_instruction(text: str, task_type: str) -> str:
    if task_type == "RETRIEVAL_QUERY":
        return f"task: search result | query: {text}"
    return f"title: none | text: {text}"


def _checked(values: Sequence[float], model: str) -> list[float]:
    """The vector at length 1; a model that truncates its vectors does not always normalise them again."""
    if len(values) != DIMENSIONS:
        raise ModelRefused(
            f"the model {model} gave a vector of {len(values)} numbers instead of {DIMENSIONS}: "
            f"set EMBEDDING_MODEL to a model that can make {DIMENSIONS}"
        )
    length = math.sqrt(math.fsum(value * value for value in values))
    if not math.isfinite(length) or length == 0.0:
        raise ModelUnavailable(f"the model {model} gave a vector of length {length}, which has no direction")
    return [value / length for value in values]
