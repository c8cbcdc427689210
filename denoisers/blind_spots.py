"""Blind spots: pixels that a network restores without seeing them."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from denoisers.losses import distance
from denoisers.training_objective import Net, Unsupervised
from groundwork.batch import Batch


@dataclass(frozen=True)
class BlindSpots(Unsupervised):
    """|f_J(y) - y_J|^2 for pixels J that f does not see.

    By default J is a grid of one pixel in each cell of width x width, whose place is drawn for each
    image. Whatever the choice, each pixel is in J with the same probability, 1 / the cell's size.

    Images are restored from all their pixels, so that the network sees more than in training.

    Attributes:
        width: Of the cells. With 1 a pixel's neighbours would be hidden too.
    """

    width: Annotated[int, Field(ge=2)]

    def loss(self, net: Net, batch: Batch, random: torch.Generator) -> Tensor:
        noisy = batch.noisy
        counted = batch.draw_per_image(lambda images: self.counted(images, random))
        hidden = self.hidden(counted)
        restored = net(torch.where(hidden, self.instead(batch, hidden, random), noisy))
        down, across = self.cell()
        return down * across * distance("mse", counted * restored, counted * noisy)

    def cell(self) -> tuple[int, int]:
        """Return height and width of the cells, each of which has one pixel of J."""
        return self.width, self.width

    def counted(self, images: Tensor, random: torch.Generator) -> Tensor:
        """Draw J, the pixels that count in the loss: bool B 1 H W."""
        size, device = (len(images), 1, 1, 1), images.device
        row, column = (
            torch.randint(side, size, generator=random, device=device) for side in self.cell()
        )
        rows = torch.arange(images.shape[-2], device=device)[:, None]
        columns = torch.arange(images.shape[-1], device=device)
        down, across = self.cell()
        return (rows % down == row) & (columns % across == column)

    def hidden(self, counted: Tensor) -> Tensor:
        """Return the pixels that the network does not see, bool B 1 H W."""
        return counted

    @abstractmethod
    def instead(self, batch: Batch, hidden: Tensor, random: torch.Generator) -> Tensor:
        """Return what the network sees in place of hidden pixels, B C H W.

        What it has in other places does not matter.
        """
