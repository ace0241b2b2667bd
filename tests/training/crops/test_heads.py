"""Scaled cosines of mapped features."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from semclip.training.crops.heads import Heads, Residual
from semclip.training.learner import Batch


def batch() -> Batch:
    """Two pictures of three boxes, and three questions, one of which has an altered one."""
    generator = torch.Generator().manual_seed(0)
    features, questions, altered = (
        F.normalize(torch.randn(shape, generator=generator), dim=-1) for shape in ((2, 3, 4), (3, 4), (3, 4))
    )
    return {
        "features": features,
        "questions": questions,
        "picture": torch.tensor([0, 1, 1]),
        "altered": altered,
        "has_altered": torch.tensor([False, True, False]),
    }


def test_untuned_they_give_the_scaled_cosine_of_what_they_are_given() -> None:
    given = batch()
    logits = Heads(4, log_scale=float(np.log(10)), bias=-2.0)(given)
    expected = 10 * torch.einsum("qd,pnd->qpn", given["questions"], given["features"]) - 2
    torch.testing.assert_close(logits.across, expected)
    torch.testing.assert_close(logits.inside, torch.stack([expected[0, 0], expected[1, 1], expected[2, 1]]))


def test_an_altered_question_is_scored_on_the_boxes_of_its_own_picture() -> None:
    given = batch()
    logits = Heads(4)(given)
    assert logits.altered is not None
    torch.testing.assert_close(logits.altered[1], given["features"][1] @ given["altered"][1])
    assert logits.altered[[0, 2]].isnan().all()


def test_an_altered_question_that_is_not_there_gives_no_gradient_that_is_not_finite() -> None:
    heads = Heads(4)
    altered = heads(batch()).altered
    altered[1].sum().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in heads.image.parameters())


def test_without_altered_questions_none_are_scored() -> None:
    given = {name: values for name, values in batch().items() if "altered" not in name}
    assert Heads(4)(given).altered is None


def test_half_precision_is_not_used() -> None:
    heads, given = Heads(4, log_scale=4.6), batch()
    exact = heads(given).inside
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(heads(given).inside, exact, rtol=0, atol=0)


def test_a_map_that_changed_gives_features_of_length_1() -> None:
    changed = Residual(4)
    torch.nn.init.normal_(changed.change.weight)
    torch.testing.assert_close(changed(torch.randn(5, 4)).norm(dim=-1), torch.ones(5))
