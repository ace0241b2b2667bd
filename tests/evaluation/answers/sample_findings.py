"""Findings made by hand: two sets, an overview, tiles, a ψ with two numbers of crops, and an oracle."""

from __future__ import annotations

import io
import math
from dataclasses import replace

from PIL import Image

from semclip.evaluation.answers.findings import Findings, Flip, Paired, StrategyResult
from semclip.evaluation.report import POOLED, Estimate, Rejected
from semclip.geometry import Box

STRATEGIES = ("overview", "tiles", "embedded/1", "embedded/2", "oracle/2")


def jpeg(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (90, 120, 150)).save(buffer, "JPEG")
    return buffer.getvalue()


def result(strategy: str, accuracy: float, tokens: float | None, *, name: str = "receipts") -> StrategyResult:
    return StrategyResult(
        set=name,
        strategy=strategy,
        questions=328,
        images=114,
        accuracy=Estimate(accuracy, accuracy - 0.05, accuracy + 0.05),
        visual_tokens=tokens,
        seconds=0.4567,
        vlm_passes=1.0,
        headroom=0.715 if strategy == "embedded/2" else math.nan,
        categories={"total": Estimate(0.25, 0.2, 0.3)} if name == "receipts" else {},
        blind=math.nan,
        hit=0.88 if strategy == "embedded/2" else math.nan,
        missed=Estimate(0.02, -0.03, 0.07) if strategy == "embedded/2" else None,
    )


def pair(strategy: str, difference: float, *, name: str = POOLED) -> Paired:
    ends = Estimate(difference, difference - 0.04, difference + 0.04)
    return Paired(name, strategy, "overview", ends, 143, 19, 1e-5)


def rows(name: str) -> tuple[StrategyResult, ...]:
    rates = zip(STRATEGIES, (0.42, 0.55, 0.64, 0.71, 0.86), (576, 2880, 1152, 1728, 1728), strict=True)
    return tuple(result(strategy, rate, tokens, name=name) for strategy, rate, tokens in rates)


WON = Flip(
    set="receipts",
    item="r-1",
    question="What is the total?",
    expected=("1.20", "1.20", "RM 1.20"),
    strategy="embedded/2",
    before="7.00",
    after="1.20",
    won=True,
    width=400,
    height=300,
    boxes=(Box(10, 20, 110, 120), Box(200, 100, 300, 250)),
    overview=jpeg(40, 30),
    crops=(jpeg(10, 10), jpeg(10, 15)),
)
LOST = replace(WON, item="r-2", before="1.20", after="", won=False, boxes=(), crops=())
FINDINGS = Findings(
    version="1.2.3",
    fingerprint="0123456789abcdef",
    protocol={"model": {"name": "tiny-llava", "fingerprint": "cafe"}, "k": 2, "seed": 7, "options": "shuffled"}
    | {"prompts": {"phrase": "{question}\nShort."}, "sets": [{"name": "receipts"}], "limit": None, "bare": False},
    strategies=STRATEGIES,
    results=rows("receipts") + rows("scene_text") + rows(POOLED),
    pairs=(pair("tiles", 0.13), pair("embedded/1", 0.22), pair("embedded/2", 0.29), pair("oracle/2", 0.44)),
    rejected=(Rejected("receipts", "r-9", "cut off"),),
    flips=(WON, LOST),
)
EMPTY = Findings("1.2.3", "00", {}, (), (), (), ())
