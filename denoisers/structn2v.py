"""Blind spots for noise that neighbouring pixels share."""

from dataclasses import dataclass, replace
from typing import Annotated, Self

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from denoisers.blind_spots import BlindSpots
from groundwork.batch import Batch

Pixels = Annotated[int, Field(ge=0, le=32)]


@dataclass(frozen=True)
class StructN2V(BlindSpots):
    """Broaddus, Krull, Weigert, Schmidt and Myers (2020): Noise2Void with structured masks.

    |f_J(y) - y_J|^2 for pixels J, as in Noise2Self. But from f are also hidden the neighbours whose
    noise the pixels of J share: a rectangle that reaches `reach` up and down, left and right. They
    do not count in the loss. The network sees the mean of the nearest pixels that are not hidden
    instead; the paper has random values.

    J is a grid. Its place is drawn for each image, and its cells are so large that no two masks
    touch.

    Attributes:
        width: The least height and width of the grid's cells.
        reach: Pixels down and across. [0, 0] hides single pixels. None is to be taken from the
            pictures.
    """

    reach: Annotated[list[Pixels], Field(min_length=2, max_length=2)] | None

    def allowed_reach(self) -> tuple[float, float]:
        assert self.reach is not None
        return self.reach[0], self.reach[1]

    def fitted(self, std: float | None, reach: tuple[int, int]) -> Self:
        return self if self.reach is not None else replace(self, reach=[*reach])

    def cell(self) -> tuple[int, int]:
        assert self.reach is not None
        down, across = (max(self.width, 2 * pixels + 2) for pixels in self.reach)
        return down, across

    def hidden(self, counted: Tensor) -> Tensor:
        assert self.reach is not None
        down, across = self.reach
        window = 2 * down + 1, 2 * across + 1
        return F.max_pool2d(counted.float(), window, 1, (down, across)) > 0

    def instead(self, batch: Batch, hidden: Tensor, random: torch.Generator) -> Tensor:
        return self.from_visible(batch.noisy, hidden)

    def from_visible(self, images: Tensor, hidden: Tensor) -> Tensor:
        """Return the mean of the pixels around each pixel that are not hidden: B C H W.

        They are in a square that is just large enough to look out of a mask at the image's border.
        The nearer they are, the more they count.
        """
        assert self.reach is not None
        side = 4 * min(self.reach) + 3
        weights = torch.hann_window(side + 2, periodic=False, device=images.device)[1:-1]
        kernel = torch.outer(weights, weights)[None, None]
        visible = (~hidden).float()
        flat = (images * visible).flatten(0, 1).unsqueeze(1)
        total = F.conv2d(flat, kernel, padding=side // 2).view_as(images)
        return total / F.conv2d(visible, kernel, padding=side // 2)
