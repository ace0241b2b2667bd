"""The reader as the loop runs it: what the towers saw of pictures goes in, logits of the boxes it reads come out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from semclip.training.joint.model import Joint, about_boxes, tokens_of
from semclip.training.learner import Batch, Logits


class JointModule(nn.Module):
    """Reads `maps` (cells, D) features and `grids` (P, 2) heights and widths, `ids` (Q, T), `boxes` (P, N, 4).

    And `tried` (Q, M): which boxes each question reads, -1 where there are fewer; `first` (Q, M): their scores so far.
    Boxes that are not read get a logit of 0: their rewards must be unknown.
    """

    def __init__(self, joint: Joint) -> None:
        super().__init__()
        self.joint = joint

    def train(self, mode: bool = True) -> JointModule:
        """The reader alone: the towers stand still."""
        super().train(mode)
        self.joint.image.eval()
        self.joint.text.eval()
        return self

    def forward(self, batch: Batch) -> Logits:
        with torch.no_grad():
            tokens, about = self._tokens(batch)
            words = self.joint.text.hidden(batch["ids"])
        added = self.joint.reader(tokens, about, words, batch["ids"] == 0).float()
        read = batch["tried"] >= 0
        inside = torch.zeros_like(batch["rewards"])
        rows, columns = read.nonzero(as_tuple=True)
        inside = inside.index_put((rows, batch["tried"][rows, columns]), (batch["first"] + added)[rows, columns])
        return Logits(inside)

    def _tokens(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(Q, M, L, C) and (Q, M, 7): what the reader is given of each box; of no box, something."""
        sizes = batch["grids"].tolist()
        flat = torch.split(batch["maps"], [height * width for height, width in sizes])
        maps = [one.reshape(height, width, -1) for one, (height, width) in zip(flat, sizes, strict=True)]
        queries_QD = self.joint.text(batch["ids"]).rows(self.joint.scale)[:, 0]
        tokens, about = [], []
        for row, place in enumerate(batch["picture"].tolist()):
            boxes = batch["boxes"][place][batch["tried"][row].clamp(min=0)]
            heat = maps[place] @ queries_QD[row]
            tokens.append(tokens_of(maps[place], heat, boxes, self.joint.reader.shape))
            about.append(about_boxes(boxes, batch["first"][row]))
        return torch.stack(tokens), torch.stack(about)
