"""Second stage: the language model learns to answer from what the tower sees.

    python -m benchmarks.miniature.train FAMILY OUT

OUT/tower.pt is the first stage's. The tower stays as it is: what is missing from a picture must not be learnt by heart.
OUT/model is the VLM, a folder as `from_pretrained` reads it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.miniature.models import Family, begun, build, keep, mixed_precision
from benchmarks.miniature.pixels import encode
from benchmarks.miniature.tower import NOTHING, Plan, parser
from benchmarks.miniature.views import Lesson, draw_lesson
from semclip.cli.terminal import progress_bar, say
from semclip.prompts import to_chat_messages

_WARM_UP = 60
_REPORT = 50


class Reader:
    """Lessons as the model's inputs, with what it is to answer; everything else in the text teaches nothing."""

    def __init__(self, family: Family, processor: Any) -> None:
        self.family = family
        self.processor = processor
        self.tokenizer = processor.tokenizer
        self.image_id = processor.image_token_id
        self.after = "" if family == "llava" else "\n"

    def batch(self, lessons: Sequence[Lesson]) -> tuple[dict[str, Tensor], Tensor]:
        """(inputs, labels (b, t)); texts are padded at the right."""
        pictures = [picture for lesson in lessons for picture in lesson.prompt.pictures]
        vision = encode(self.family, pictures)
        counts = iter(_token_counts(self.family, vision, len(pictures)))
        rows = [self._row(lesson, [next(counts) for _ in lesson.prompt.pictures]) for lesson in lessons]
        longest = max(len(ids) for ids, _ in rows)
        ids = torch.full((len(rows), longest), self.tokenizer.pad_token_id)
        labels = torch.full((len(rows), longest), NOTHING)
        for place, (row, known) in enumerate(rows):
            ids[place, : len(row)] = torch.tensor(row)
            labels[place, : len(row)] = torch.tensor(known)
        mask = (ids != self.tokenizer.pad_token_id).long()
        inputs = {"input_ids": ids, "attention_mask": mask, **vision}
        if self.family == "qwen":
            inputs["mm_token_type_ids"] = (ids == self.image_id).int()
        return inputs, labels

    def _row(self, lesson: Lesson, counts: list[int]) -> tuple[list[int], list[int]]:
        """Ids, and labels: the answers with their end marks."""
        text = self._chat(to_chat_messages(lesson.prompt))
        ids: list[int] = []
        for token in self.tokenizer(text)["input_ids"]:
            ids += [token] * counts.pop(0) if token == self.image_id else [token]
        labels = [NOTHING] * len(ids)
        for place, asked in enumerate(lesson.asked):
            if place:
                question = [{"role": "user", "content": [{"type": "text", "text": asked.question}]}]
                more = self._ids(self.after + self._chat(question))
                ids, labels = ids + more, labels + [NOTHING] * len(more)
            said = [*self._ids(f" {asked.answer}"), self.tokenizer.eos_token_id]
            ids, labels = ids + said, labels + said
        return ids, labels

    def _chat(self, messages: list[dict[str, Any]]) -> str:
        text: str = self.tokenizer.apply_chat_template(
            messages, chat_template=self.processor.chat_template, tokenize=False, add_generation_prompt=True
        )
        return text

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids


def _token_counts(family: Family, vision: dict[str, Tensor], pictures: int) -> list[int]:
    if family == "llava":
        return [36] * pictures
    counts: list[int] = (vision["image_grid_thw"].prod(1) // 4).tolist()
    return counts


def train(family: Family, out: Path, plan: Plan) -> None:
    """Trains the language model on lessons of one picture, then more and more on overviews with close-ups."""
    model, processor = build(family)
    model.load_state_dict(begun(out) if plan.after else torch.load(out / "tower.pt", weights_only=True))
    reader, rng = Reader(family, processor), random.Random(f"answers {family} {plan.after or ''}")
    weights, last = _speaking(model, family), plan.until or plan.steps
    optimizer = torch.optim.AdamW(weights, lr=plan.rate, weight_decay=0.02, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, plan.rate, plan.steps, pct_start=_WARM_UP / plan.steps)
    for _ in range(plan.after):
        optimizer.step()  # without gradients it changes nothing; the schedule asks for it
        schedule.step()
    recent: list[tuple[str, int, bool]] = []
    with progress_bar("steps", unit="steps/s") as advance:
        for step in range(plan.after + 1, last + 1):
            lessons = [draw_lesson(family, rng, progress=step / plan.steps) for _ in range(plan.size)]
            inputs, labels = reader.batch(lessons)
            with mixed_precision():
                logits = model(**inputs, use_cache=False).logits
            value = nn.functional.cross_entropy(logits[:, :-1].float().flatten(0, 1), labels[:, 1:].flatten())
            torch.autograd.backward(value)
            nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            recent += _rights(lessons, logits, labels)
            advance(step, last)
            if step % _REPORT == 0:
                say(f"{family} {step}: loss {value.item():.3f}; {_shares(recent)}")
                recent = []
            if step % 200 == 0 or step == last:
                keep(model, processor, out)


def _speaking(model: Any, family: Family) -> list[nn.Parameter]:
    """The weights that learn here; the tower's are frozen."""
    tower = model.model.vision_tower if family == "llava" else model.model.visual
    tower.requires_grad_(False)
    return [weight for weight in model.parameters() if weight.requires_grad]


def _rights(lessons: Sequence[Lesson], logits: Tensor, labels: Tensor) -> list[tuple[str, int, bool]]:
    """Kind, number of pictures and whether right, of the first question of each lesson."""
    guesses, found = logits[:, :-1].argmax(-1), []
    for lesson, guess, known in zip(lessons, guesses, labels[:, 1:], strict=True):
        first = int((known != NOTHING).nonzero()[0])
        found.append((lesson.asked[0].kind, len(lesson.prompt.pictures), bool(guess[first] == known[first])))
    return found


def _shares(recent: Sequence[tuple[str, int, bool]]) -> str:
    kinds = sorted({kind for kind, _, _ in recent})
    shares = [(kind, [right for one, _, right in recent if one == kind]) for kind in kinds]
    return ", ".join(f"{kind} {sum(rights) / len(rights):.2f}" for kind, rights in shares)


if __name__ == "__main__":
    options = parser(steps=2000, size=14, rate=1.2e-3)
    options.add_argument("--after", type=int, default=0, help="go on with OUT/model, which has had so many steps")
    given = options.parse_args()
    plan = Plan(given.steps, given.size, given.rate, given.until, given.after)
    train(given.family, given.out, plan)
