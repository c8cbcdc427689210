"""Blind spots that show a neighbour's value."""

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from denoisers.blind_spots import BlindSpots
from groundwork.batch import Batch


@dataclass(frozen=True)
class Noise2Void(BlindSpots):
    """Krull, Buchholz and Jug (2019): |f_J(y) - y_J|^2 for pixels J that f does not see.

    In each cell of width x width pixels, one is in J, each as likely (the paper's stratified
    sampling). The network sees the value of a neighbour instead, in all channels, drawn from the
    square of 2 radius + 1 pixels a side around it, as far as that is inside the image. The authors'
    code may also draw the pixel itself, which is so seen once in 121 times; here it is not. The
    noise has to be independent between pixels.

    Attributes:
        width: Of the cells. The paper hides 64 of 64 x 64 pixels, which is a width of 8.
        radius: Of the square. The authors' code has 5, that is 11 x 11 pixels.
    """

    radius: Annotated[int, Field(ge=1)]

    def counted(self, images: Tensor, random: torch.Generator) -> Tensor:
        height, width = images.shape[-2:]
        # Cells that reach out of the image draw out of it too, so that all pixels are as likely.
        size = len(images), 1, -(-height // self.width), -(-width // self.width)
        place = torch.randint(self.width**2, size, generator=random, device=images.device)
        rows = torch.arange(height, device=images.device)[:, None]
        columns = torch.arange(width, device=images.device)
        number = rows % self.width * self.width + columns % self.width
        return place[..., rows // self.width, columns // self.width] == number

    def instead(self, batch: Batch, hidden: Tensor, random: torch.Generator) -> Tensor:
        places = batch.draw_per_image(lambda images: self.neighbours(images, random))
        flat = batch.noisy.flatten(2)
        return flat.gather(2, places.flatten(2).expand_as(flat)).view_as(batch.noisy)

    def neighbours(self, images: Tensor, random: torch.Generator) -> Tensor:
        """Draw a neighbour of each pixel, as its place in the flat image: int64 B 1 H W."""
        height, width = images.shape[-2:]
        (top, down), (left, across) = (self._reach(side, images.device) for side in (height, width))
        top, down = top[:, None], down[:, None]
        rows = torch.arange(height, device=images.device)[:, None]
        columns = torch.arange(width, device=images.device)
        others = down * across - 1  # how many neighbours there are, H W
        size = len(images), 1, height, width
        share = torch.rand(size, generator=random, device=images.device)
        number = (share * others).long().clamp(max=others - 1)
        own = (rows - top) * across + columns - left
        number = number + (number >= own)  # the pixel itself is passed over
        return (top + number // across) * width + left + number % across

    def _reach(self, side: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return the first of a line's pixels in the window around each, and how many there are."""
        places = torch.arange(side, device=device)
        first = (places - self.radius).clamp(min=0)
        return first, (places + self.radius).clamp(max=side - 1) - first + 1
