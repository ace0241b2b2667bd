"""Both towers and their heads as one module: what is tuned beyond the heads, and what is saved."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from semclip.relevance.towers import Towers
from semclip.training.crops.heads import Heads
from semclip.training.learner import Batch, Logits


class CropsModule(nn.Module):
    """Reads `pixels` (P, N, h, w, 3) uint8, `valid` (P, N), `ids` (Q, T) and `picture` (Q,).

    And, where some question has one, `altered_ids` (Q, T) with `has_altered` (Q,).
    """

    def __init__(self, towers: Towers, heads: Heads) -> None:
        super().__init__()
        self.towers, self.model, self.heads = towers, towers.model, heads

    def train(self, mode: bool = True) -> CropsModule:
        """Itself, the towers in eval mode: a few crops make no statistics for batch norms, and nothing drops out."""
        super().train(mode)
        self.model.eval()
        return self

    def forward(self, batch: Batch) -> Logits:
        with parametrize.cached():
            shown = self.crop_features(batch["pixels"][batch["valid"]])
            read = {"questions": self.text_features(batch["ids"])}
            if "altered_ids" in batch:
                read["altered"] = self.text_features(batch["altered_ids"])
        features = shown.new_zeros(*batch["valid"].shape, shown.shape[-1])
        features[batch["valid"]] = shown
        logits: Logits = self.heads({**batch, **read, "features": features})
        return logits

    def crop_features(self, pixels_NHWC: Tensor) -> Tensor:
        """(n, d) what the towers say of uint8 crops, of length 1, in float32."""
        return F.normalize(self.towers.encode_images(self.towers.preprocess(pixels_NHWC)).float(), dim=-1)

    def text_features(self, ids_NT: Tensor) -> Tensor:
        """(n, d) what the towers say of texts, of length 1, in float32."""
        return F.normalize(self.towers.encode_text(ids_NT).float(), dim=-1)
