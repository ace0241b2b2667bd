"""How right an answer is, from 0 to 1, as each benchmark counts. Knows texts, and no model."""

from semclip.evaluation.matching.choices import choice, chosen_letter
from semclip.evaluation.matching.scoring import score
from semclip.evaluation.matching.texts import anls, exact, is_right
from semclip.evaluation.matching.vqa import vqa_accuracy
from semclip.evaluation.matching.yes_no import says_yes, yes_no

__all__ = [
    "anls",
    "choice",
    "chosen_letter",
    "exact",
    "is_right",
    "says_yes",
    "score",
    "vqa_accuracy",
    "yes_no",
]
