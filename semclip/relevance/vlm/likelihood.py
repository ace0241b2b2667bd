"""ψ from what the model makes of each crop: how sure it is of its answer, or how well the crop explains the question.

A base ψ picks the few boxes that are worth a pass each. What is measured is a mean log-probability over tokens:
`confidence` of the model's own greedy answer to the question, `question` of the question's own words, as VisualGPTScore
(arXiv 2306.01879) does with captions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Literal, final

import torch
from torch import Tensor

from semclip.adapters.chat.forcing import followed, forced
from semclip.adapters.chat.generation import end_marks, for_stop_strings, greedy
from semclip.errors import InputError
from semclip.geometry import Box
from semclip.protocols import Relevance
from semclip.relevance.reranking import reranked
from semclip.relevance.table import load_relevance
from semclip.relevance.vlm.reading import batches, close_up, fingerprint, finite, overview, passes, picture_of
from semclip.types import Floats, Picture, Prompt, Regions

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

    from semclip.adapters.chat import ChatAdapter

ASK = "Ask a question about the image."


@final
@dataclass(frozen=True, eq=False)
class VlmLikelihood:
    """A mean log-probability for the `best` boxes of `base` that do not repeat each other; the rest rank below.

    With `mode` "question", `prior_weight` times what the same words get with the overview is subtracted:
    VisualGPTScore's alpha, which corrects for words that are likely whatever is seen. For the crops of one question it
    is a constant: it changes no ranking, and makes scores of several questions comparable.
    """

    adapter: ChatAdapter
    base: Relevance = field(default_factory=partial(load_relevance, "embedded"))
    mode: Literal["confidence", "question"] = "confidence"
    best: int = 8
    max_tokens: int = 8
    prior_weight: float = 1.0
    batch_size: int = 8
    name: str = "vlm:likelihood"

    def __post_init__(self) -> None:
        if self.mode not in ("confidence", "question"):
            raise InputError(f"mode needs to be confidence or question, got {self.mode!r}")
        if min(self.best, self.max_tokens, self.batch_size) < 1:
            given = f"{self.best}, {self.max_tokens}, {self.batch_size}"
            raise InputError(f"best, max_tokens and batch_size need to be at least 1, got {given}")

    @cached_property
    def fingerprint(self) -> str:
        """Of options, base, model name, configuration and a sample of every weight; computed once."""
        options = (self.mode, self.best, self.max_tokens, self.prior_weight)
        return fingerprint(self.adapter, {"psi": self.name, "base": self.base.fingerprint, "options": options})

    def embed(self, image: Picture, boxes: Sequence[Box], /) -> Regions:
        """The base's regions; their `vlm_passes` are the most that a question takes, those of the base included."""
        regions = self.base.embed(image, boxes)
        cost = min(self.best, len(boxes)) + (self.mode == "question")
        return replace(regions, picture=image, vlm_passes=regions.vlm_passes + cost)

    def score(self, question: str, regions: Regions, /) -> Floats:
        """(n,) log-probabilities of the boxes tried; below them the others, as far apart as their base scores are.

        Raises: InputError for regions without their picture; ModelError where the model fails.
        """
        picture, first = picture_of(regions, self.name), self.base.score(question, regions)

        def read(tried: list[int]) -> Floats:
            with passes(self.adapter, self.name):
                shown = [close_up(picture, regions.boxes[index], self.adapter) for index in tried]
                scores = self._measure(shown, question)
                if self.mode == "question":
                    scores -= self.prior_weight * self._measure([overview(picture, self.adapter)], question)
            told: Floats = finite(scores, self.name).numpy()
            return told

        return reranked(regions.boxes, first, read, most=self.best)

    def _measure(self, pictures: Sequence[PILImage], question: str) -> Tensor:
        measure = _confidence if self.mode == "confidence" else _of_question
        # Where a stop string ends a row, what pads it would count.
        size = self.batch_size if self.adapter.model.generation_config.stop_strings is None else 1
        return torch.cat([measure(self, batch, question) for batch in batches(pictures, size, self.adapter)])


def _confidence(psi: VlmLikelihood, pictures: Sequence[PILImage], question: str) -> Tensor:
    """(n,) mean log-probability of the tokens of the greedy answer to the question, its end mark included."""
    inputs = psi.adapter.encode([Prompt((picture, question), tiling=False) for picture in pictures])
    model, tokenizer = psi.adapter.model, psi.adapter.processor.tokenizer
    config = greedy(model.generation_config, psi.max_tokens, tokenizer.pad_token_id)
    config.update(return_dict_in_generate=True, output_logits=True)
    output = model.generate(**inputs, generation_config=config, **for_stop_strings(config, tokenizer))
    logits_NTV = torch.stack(output.logits, dim=1)
    answers_NT = output.sequences[:, -logits_NTV.shape[1] :]
    return mean_log_probability(logits_NTV, answers_NT, end_marks(model.generation_config))


def _of_question(psi: VlmLikelihood, pictures: Sequence[PILImage], question: str) -> Tensor:
    """(n,) mean log-probability of the question's tokens as the answer to ASK."""
    prompts = [Prompt((picture, ASK), tiling=False) for picture in pictures]
    inputs, ids_NT = followed(psi.adapter, prompts, question)
    return mean_log_probability(forced(psi.adapter, inputs, ids_NT.shape[1]), ids_NT, ())


def mean_log_probability(logits_NTV: Tensor, ids_NT: Tensor, ends: Sequence[int]) -> Tensor:
    """(n,) float32 mean of log p(id) over the tokens of each row, up to and with the first of `ends` in it.

    >>> mean_log_probability(torch.tensor([[[0.0, 0.0], [0.0, 9.0]]]), torch.tensor([[1, 0]]), [1]).exp()
    tensor([0.5000])
    """
    said_NT = logits_NTV.float().log_softmax(-1).gather(-1, ids_NT[..., None])[..., 0]
    is_end_NT = torch.isin(ids_NT, torch.tensor(ends, dtype=ids_NT.dtype, device=ids_NT.device)).int()
    counted_NT = is_end_NT.cumsum(1) == is_end_NT
    # Not a product: after the end a log-probability may be -inf.
    return said_NT.where(counted_NT, 0).sum(1) / counted_NT.sum(1)
