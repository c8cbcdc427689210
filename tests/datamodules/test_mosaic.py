"""The mosaic of colours against its definition, and its interpolation against one by scipy."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]
from torch import Tensor

from datamodules.mosaic import Mosaic
from groundwork.seeding import generator

PATTERN = [[0, 1], [1, 2]]  # the channel of each pixel of RGGB


CORNERS = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]])


def random_images() -> Tensor:
    """Return an image for each corner."""
    return torch.rand(4, 3, 12, 15, generator=generator("cpu", "test"))


def channel_at(corner: Tensor) -> NDArray[np.int64]:
    """Return the channel that each pixel of an image sees, whose first one is at the corner."""
    rows, columns = np.indices((12, 15))
    return np.array(PATTERN)[(rows + int(corner[0])) % 2, (columns + int(corner[1])) % 2]


def test_each_pixel_sees_its_colour_of_the_pattern() -> None:
    images = random_images()
    seen = Mosaic(images, CORNERS).seen(images)
    for image, plane, corner in zip(images.numpy(), seen.numpy(), CORNERS, strict=True):
        expected = np.take_along_axis(image, channel_at(corner)[None], 0)
        np.testing.assert_array_equal(plane, expected)


def test_colours_that_change_evenly_are_interpolated_exactly() -> None:
    rows, columns = torch.meshgrid(torch.arange(12.0), torch.arange(15.0), indexing="ij")
    ramp = torch.stack([0.1 + 0.02 * rows, 0.5 - 0.02 * rows + 0.01 * columns, 0.03 * columns])
    images = ramp.expand(4, 3, 12, 15)
    mosaic = Mosaic(images, CORNERS)
    found = mosaic.interpolated(mosaic.seen(images))
    # Laplacians of a ramp are 0, so each filter gives the mean of the nearest pixels of a colour.
    inner = (..., slice(2, -2), slice(2, -2))
    torch.testing.assert_close(found[inner], images[inner], rtol=0, atol=1e-5)


def test_missing_colours_take_details_from_the_colour_that_is_seen() -> None:
    """Malvar et al. 2004, eq. 2 to 4: bilinear, and 1/2 or 3/4 of the Laplacian of that colour."""
    images = random_images()
    mosaic = Mosaic(images, CORNERS)
    seen = mosaic.seen(images)
    found = mosaic.interpolated(seen).numpy()
    far = np.zeros((5, 5))
    far[[0, 2, 2, 4], [2, 0, 4, 2]] = 1 / 4
    plus = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) / 4
    cross = np.array([[1, 0, 1], [0, 0, 0], [1, 0, 1]]) / 4
    for plane, (red, green, blue), corner in zip(seen[:, 0].numpy(), found, CORNERS, strict=True):
        laplacian = plane - ndimage.convolve(plane, far, mode="nearest")
        expected = ndimage.convolve(plane, plus, mode="nearest") + laplacian / 2
        opposite = ndimage.convolve(plane, cross, mode="nearest") + 0.75 * laplacian
        channel = channel_at(corner)
        for colour, where, values in (
            (green, channel != 1, expected),
            (green, channel == 1, plane),
            (red, channel == 2, opposite),
            (blue, channel == 0, opposite),
        ):
            np.testing.assert_allclose(colour[where], values[where], rtol=0, atol=1e-5)
