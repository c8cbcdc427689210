"""The mosaic of colours on a sensor, and their interpolation."""

import torch
import torch.nn.functional as F
from torch import Tensor

ACROSS = torch.tensor(
    [
        [0, 0, 0.5, 0, 0],
        [0, -1, 0, -1, 0],
        [-1, 4, 5, 4, -1],
        [0, -1, 0, -1, 0],
        [0, 0, 0.5, 0, 0],
    ]
)
# The filters of Malvar, He and Cutler (2004), "High-quality linear interpolation for demosaicing of
# Bayer-patterned color images", in eighths.
FILTERS = torch.stack(
    [
        torch.tensor(  # green at red and blue pixels
            [
                [0, 0, -1, 0, 0],
                [0, 0, 2, 0, 0],
                [-1, 2, 4, 2, -1],
                [0, 0, 2, 0, 0],
                [0, 0, -1, 0, 0],
            ]
        ),
        ACROSS,  # the colour to the left and right of a green pixel
        ACROSS.T,  # the colour above and below it
        torch.tensor(  # red at blue pixels, and blue at red ones
            [
                [0, 0, -1.5, 0, 0],
                [0, 2, 0, 2, 0],
                [-1.5, 0, 6, 0, -1.5],
                [0, 2, 0, 2, 0],
                [0, 0, -1.5, 0, 0],
            ]
        ),
    ]
)


class Mosaic:
    """The Bayer pattern: a pixel sees one colour, and the other two are interpolated.

    Rows of red and green alternate with rows of green and blue. Images may begin anywhere in it.

    Args:
        like: The images, B 3 H W.
        corner: How many rows and columns each image's first pixel lies below and right of a red
            one: 0 or 1, B 2.
    """

    def __init__(self, like: Tensor, corner: Tensor) -> None:
        rows, columns = (torch.arange(size, device=like.device) for size in like.shape[2:])
        self.red_rows = ((rows + corner[:, :1]) % 2 == 0)[:, None, :, None]
        self.red_columns = ((columns + corner[:, 1:]) % 2 == 0)[:, None, None, :]

    def seen(self, images: Tensor) -> Tensor:
        """Return the colour that each pixel sees: B 3 H W to B 1 H W."""
        red, green, blue = images.split(1, 1)
        in_red_row = torch.where(self.red_columns, red, green)
        return torch.where(self.red_rows, in_red_row, torch.where(self.red_columns, green, blue))

    def interpolated(self, seen: Tensor) -> Tensor:
        """Return all three colours: B 1 H W to B 3 H W. The edges are repeated beyond the image."""
        around = F.pad(seen, (2, 2, 2, 2), mode="replicate")
        estimates = F.conv2d(around, FILTERS.to(seen)[:, None] / 8)
        green, across, down, diagonal = estimates.split(1, 1)

        def of(rows: Tensor, columns: Tensor) -> Tensor:
            """Return the colour that is seen where both are true."""
            in_row = torch.where(columns, seen, across)
            return torch.where(rows, in_row, torch.where(columns, down, diagonal))

        red = of(self.red_rows, self.red_columns)
        blue = of(~self.red_rows, ~self.red_columns)
        green = torch.where(self.red_rows == self.red_columns, green, seen)
        return torch.cat([red, green, blue], 1)
