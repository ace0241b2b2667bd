from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from semclip.errors import InputError
from semclip.training.learner import Batch, Logits
from semclip.training.objectives import Kind, Objective, contrastive, infonce, sigmoid_pairs

NAN = float("nan")
LOSSES = (infonce, sigmoid_pairs)
kinds = st.sampled_from(get_args(Kind))
rewards = st.sampled_from([0.0, 0.1, 0.45, 0.5, 1.0, NAN])
known_rewards = st.sampled_from([0.0, 1.0])


@st.composite
def logits(draw: st.DrawFn, *shape: int) -> Tensor:
    size = torch.Size(shape).numel()
    return torch.tensor(draw(st.lists(st.integers(-60, 60), min_size=size, max_size=size))).reshape(shape) / 10


@st.composite
def cases(draw: st.DrawFn, *, values: st.SearchStrategy[float] = rewards) -> tuple[Logits, Batch]:
    """A batch of up to 3 pictures and 4 questions, with 3 boxes a picture, and what a module says of it."""
    pictures, questions = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    picture = torch.tensor(sorted(draw(st.integers(0, pictures - 1)) for _ in range(questions)))
    alike = torch.nn.functional.one_hot(picture, pictures).bool()
    alike |= torch.tensor([[draw(st.booleans()) for _ in range(pictures)] for _ in range(questions)])
    rows = [[draw(values) for _ in range(3)] for _ in range(questions)]
    altered = draw(logits(questions, 3))
    altered[[draw(st.booleans()) for _ in range(questions)]] = torch.nan
    batch = {
        "picture": picture,
        "rewards": torch.tensor(rows),
        "valid": torch.ones(pictures, 3, dtype=torch.bool),
        "alike": alike,
    }
    return Logits(draw(logits(questions, 3)), draw(logits(questions, pictures, 3)), altered), batch


def gradients(says: Logits, batch: Batch, terms: Objective) -> tuple[dict[str, Tensor], list[Tensor]]:
    """The losses, and what "all" of them does to each part of the logits."""
    leaves = [part.clone().requires_grad_() for part in says if part is not None]
    losses = contrastive(Logits(*leaves), batch, terms)
    losses["all"].backward()  # type: ignore[no-untyped-call]
    return losses, [torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in leaves]


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.allclose(one[name], other[name], atol=1e-4) for name in one)


def only(values: list[float]) -> Batch:
    """One question a reward list of one box, each on a picture of its own."""
    count = len(values)
    return {
        "picture": torch.arange(count),
        "rewards": torch.tensor(values)[:, None],
        "valid": torch.ones(count, 1, dtype=torch.bool),
        "alike": torch.eye(count, dtype=torch.bool),
    }


@given(cases(), kinds, st.permutations(range(3)))
def test_the_order_of_the_boxes_changes_nothing(case: tuple[Logits, Batch], kind: Kind, order: list[int]) -> None:
    says, batch = case
    turned = Logits(*(part[..., order] for part in says if part is not None))
    again = {**batch, "rewards": batch["rewards"][:, order], "valid": batch["valid"][:, order]}
    assert same(contrastive(says, batch, Objective(kind)), contrastive(turned, again, Objective(kind)))


@given(cases(), kinds, st.randoms())
def test_the_order_of_the_questions_changes_nothing(case: tuple[Logits, Batch], kind: Kind, rng: Any) -> None:
    says, batch = case
    order = rng.sample(range(len(batch["picture"])), len(batch["picture"]))
    turned = Logits(*(part[order] for part in says if part is not None))
    again = {**{name: batch[name][order] for name in ("picture", "rewards", "alike")}, "valid": batch["valid"]}
    assert same(contrastive(says, batch, Objective(kind)), contrastive(turned, again, Objective(kind)))


@given(cases(), kinds, st.sampled_from([0.0, 99.0, NAN, -torch.inf]))
def test_padding_changes_nothing(case: tuple[Logits, Batch], kind: Kind, filling: float) -> None:
    says, batch = case
    padded = Logits(*(torch.nn.functional.pad(part, (0, 2), value=filling) for part in says if part is not None))
    wide = {
        **batch,
        "rewards": torch.nn.functional.pad(batch["rewards"], (0, 2), value=NAN),
        "valid": torch.nn.functional.pad(batch["valid"], (0, 2), value=False),
    }
    losses, grown = gradients(padded, wide, Objective(kind))
    assert same(contrastive(says, batch, Objective(kind)), losses)
    assert all((gradient[..., 3:] == 0).all() for gradient in grown)


@given(cases(), kinds, st.integers(-60, 60))
def test_a_box_of_unknown_reward_changes_nothing_for_its_picture(
    case: tuple[Logits, Batch], kind: Kind, value: int
) -> None:
    says, batch = case
    alone = Logits(says.inside)
    more = Logits(torch.nn.functional.pad(says.inside, (0, 1), value=value / 10))
    unknown = {**batch, "rewards": torch.nn.functional.pad(batch["rewards"], (0, 1), value=NAN)}
    assert same(contrastive(alone, batch, Objective(kind)), contrastive(more, unknown, Objective(kind)))


@given(cases(), kinds)
def test_gradients_are_finite_and_fall_on_what_is_known(case: tuple[Logits, Batch], kind: Kind) -> None:
    says, batch = case
    losses, (inside, across, altered) = gradients(says, batch, Objective(kind))
    assert all(loss.isfinite() and loss >= 0 for loss in losses.values())
    assert all(gradient.isfinite().all() for gradient in (inside, across, altered))
    neither = batch["rewards"].isnan() | (batch["rewards"] == torch.tensor(0.45))
    assert (inside[neither] == 0).all()
    own = torch.nn.functional.one_hot(batch["picture"], across.shape[1]).bool()
    assert (across[own][neither] == 0).all()
    assert says.altered is not None
    assert (altered[says.altered.isnan()] == 0).all()


@given(cases(), kinds)
def test_negatives_sink_and_positives_rise(case: tuple[Logits, Batch], kind: Kind) -> None:
    says, batch = case
    rounded = {**batch, "rewards": batch["rewards"].where(batch["rewards"] < 0.5, batch["rewards"].ceil())}
    _, (inside, across, altered) = gradients(says, rounded, Objective(kind))
    wanted = rounded["rewards"] == 1
    own = torch.nn.functional.one_hot(batch["picture"], across.shape[1]).bool()
    assert (inside[~wanted] >= 0).all()
    assert (across[own][~wanted] >= 0).all()
    assert (across[~own] >= 0).all()
    assert (altered >= 0).all()
    assert (inside.masked_fill(~wanted, 0).sum(1) <= 1e-6).all()
    assert (across[own].masked_fill(~wanted, 0).sum(1) <= 1e-6).all()


@given(cases(values=known_rewards), kinds)
def test_a_step_along_the_gradient_makes_the_loss_smaller(case: tuple[Logits, Batch], kind: Kind) -> None:
    says, batch = case
    assume((batch["rewards"] == 1).any())
    terms = Objective(kind, false_negative_margin=None)
    losses, steps = gradients(says, batch, terms)
    assume(losses["all"] > 1e-3)
    moved = Logits(*(part - 0.05 * step for part, step in zip(says, steps, strict=True) if part is not None))
    assert contrastive(moved, batch, terms)["all"] < losses["all"]


@given(cases(), kinds)
def test_pictures_on_which_the_same_is_asked_are_no_negatives(case: tuple[Logits, Batch], kind: Kind) -> None:
    says, batch = case
    own = torch.nn.functional.one_hot(batch["picture"], batch["alike"].shape[1]).bool()
    _, (_, across, _) = gradients(says, batch, Objective(kind))
    assert (across[batch["alike"] & ~own] == 0).all()


@given(st.lists(known_rewards, min_size=2, max_size=6), st.sampled_from(LOSSES))
def test_a_perfect_ranking_costs_less_than_a_wrong_one(values: list[float], lose: Any) -> None:
    assume(len(set(values)) == 2)
    target = torch.tensor([values])
    everything = torch.ones_like(target).bool()
    right, wrong = lose(8 * target, target, everything), lose(-8 * target, target, everything)
    assert right < lose(0 * target, target, everything) < wrong


@pytest.mark.parametrize("kind", get_args(Kind))
def test_without_a_positive_the_loss_has_a_gradient_still(kind: Kind) -> None:
    losses, steps = gradients(
        Logits(torch.zeros(1, 1), torch.zeros(1, 1, 1), torch.zeros(1, 1)), only([NAN]), Objective()
    )
    assert {name: loss.item() for name, loss in losses.items()} == {"inside": 0, "across": 0, "text": 0, "all": 0}
    assert all((step == 0).all() for step in steps)


def test_a_question_without_a_positive_teaches_siglip_that_nothing_is_there() -> None:
    says, batch = Logits(torch.zeros(2, 1)), only([1.0, 0.0])
    _, (contrast,) = gradients(says, batch, Objective("infonce"))
    _, (pairs,) = gradients(says, batch, Objective("siglip"))
    assert contrast.tolist() == [[0.0], [0.0]]
    assert pairs.sign().tolist() == [[-1.0], [1.0]]


def test_losses_of_zeros_are_what_the_number_of_rivals_says() -> None:
    says = Logits(torch.zeros(2, 1), torch.zeros(2, 2, 1), torch.zeros(2, 1))
    losses = contrastive(says, only([1.0, 1.0]), Objective(across=0.5, text=0.25))
    log = torch.tensor([1.0, 2.0, 3.0]).log()
    torch.testing.assert_close(torch.stack([losses["inside"], losses["across"], losses["text"]]), log)
    torch.testing.assert_close(losses["all"], log @ torch.tensor([1.0, 0.5, 0.25]))


def test_soft_rewards_are_shared_out() -> None:
    batch = {**only([1.0]), "rewards": torch.tensor([[1.0, 0.5, 0.0]]), "valid": torch.ones(1, 3).bool()}
    leaf = torch.zeros(1, 3, requires_grad=True)
    contrastive(Logits(leaf), batch, Objective())["all"].backward()  # type: ignore[no-untyped-call]
    assert leaf.grad is not None
    first, second, last = leaf.grad[0].tolist()
    assert first < second < 0 < last


def test_a_rival_far_above_the_positive_is_taken_for_a_false_negative() -> None:
    says = Logits(torch.zeros(2, 1), torch.tensor([[[0.0], [4.0]], [[6.0], [0.0]]]))
    _, (_, careful) = gradients(says, only([1.0, 1.0]), Objective(false_negative_margin=5.0))
    _, (_, careless) = gradients(says, only([1.0, 1.0]), Objective(false_negative_margin=None))
    assert (careful[:, :, 0] != 0).tolist() == [[True, True], [False, False]]
    assert (careless != 0).all()


@pytest.mark.parametrize("lose", LOSSES)
def test_a_target_that_is_not_valid_is_none(lose: Any) -> None:
    says, valid = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[True, True, False]])
    there, gone = torch.tensor([[1.0, 0.0, 1.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    torch.testing.assert_close(lose(says, there, valid), lose(says, gone, valid))


def test_a_row_without_a_target_does_not_thin_out_the_others() -> None:
    says, target = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    everything = torch.ones(2, 2).bool()
    torch.testing.assert_close(infonce(says, target, everything), infonce(says[:1], target[:1], everything[:1]))


def test_rows_weigh_the_same_whatever_the_number_of_their_positives() -> None:
    steps = []
    for row in ([1.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0]):
        leaf = torch.zeros(2, 4, requires_grad=True)
        target = torch.tensor([row, [1.0, 0.0, 0.0, 0.0]])
        sigmoid_pairs(leaf, target, torch.tensor([row, [1.0, 0.0, 0.0, 0.0]]).bool()).backward()  # type: ignore[no-untyped-call]
        assert leaf.grad is not None
        steps.append(leaf.grad.sum(1))
    torch.testing.assert_close(steps[0], steps[1])


def test_the_text_contrast_is_a_mean_over_questions_and_not_over_boxes() -> None:
    says = Logits(torch.zeros(2, 2), torch.zeros(2, 2, 2), torch.tensor([[0.0, 0.0], [3.0, 3.0]]))
    both, one = torch.tensor([[1.0, 1.0], [1.0, 1.0]]), torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    losses = [
        contrastive(says, {**only([1.0, 1.0]), "rewards": rewards}, Objective())["text"] for rewards in (both, one)
    ]
    torch.testing.assert_close(losses[0], losses[1])


def test_where_no_positive_says_what_is_too_good_no_negative_is_dropped() -> None:
    says = Logits(torch.zeros(2, 1), torch.zeros(2, 2, 1))
    _, (_, across) = gradients(says, only([1.0, 0.0]), Objective("siglip", false_negative_margin=5.0))
    assert (across != 0).all()


def test_temperature_divides_the_logits() -> None:
    says, batch = Logits(torch.tensor([[3.0, 1.0]])), {**only([1.0]), "rewards": torch.tensor([[1.0, 0.0]])}
    cooled = Logits(says.inside / 2)
    assert same(contrastive(says, batch, Objective(temperature=2.0)), contrastive(cooled, batch, Objective()))


def test_parts_without_weight_are_left_out() -> None:
    says = Logits(torch.zeros(1, 1), torch.zeros(1, 1, 1), torch.zeros(1, 1))
    assert set(contrastive(says, only([1.0]), Objective(across=0, text=0))) == {"inside", "all"}


@pytest.mark.parametrize(
    "wrong", [{"temperature": 0.0}, {"across": -1.0}, {"text": -1.0}, {"positive": 0.1}, {"negative": -0.1}]
)
def test_an_objective_is_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="an objective needs"):
        replace(Objective(), **wrong)  # type: ignore[arg-type]
