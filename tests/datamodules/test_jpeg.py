"""JPEG against Pillow, whose files libjpeg writes and reads."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch import Tensor

from datamodules import jpeg
from groundwork.seeding import generator

WHOLE, HALVED = 0, 2  # Pillow's names of 4:4:4 and 4:2:0


def photograph(channels: int) -> Tensor:
    """Return a part of a photograph in 8 bits, of no multiple of a block: C 203 317."""
    image = torch.from_numpy(data.astronaut()[20:223, 100:417]).permute(2, 0, 1)
    return image if channels == 3 else image[1:2]


def filed(image: Tensor, quality: int, subsampling: int = WHOLE) -> Image.Image:
    """Write an image of 8 bits C H W into a JPEG file, and open that."""
    file = io.BytesIO()
    pixels = image.permute(1, 2, 0).squeeze(2).numpy()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return Image.open(file)


def by_pillow(image: Tensor, quality: int, subsampling: int = WHOLE) -> Tensor:
    pixels = torch.from_numpy(np.array(filed(image, quality, subsampling)))
    return pixels.reshape(*image.shape[1:], -1).permute(2, 0, 1).float()


def by_torch(
    image: Tensor, quality: int, subsampling: int = WHOLE, corner: tuple[int, int] = (0, 0)
) -> Tensor:
    found = jpeg.compressed(
        image[None] / 255,
        jpeg.percent_of(torch.tensor([quality])),
        torch.tensor([subsampling == HALVED]),
        torch.tensor([corner]),
    )
    return (255 * found[0]).clamp(0, 255).round()


@pytest.mark.parametrize("quality", [1, 13, 49, 50, 75, 91, 100])
def test_the_steps_are_those_of_libjpeg(quality: int) -> None:
    tables = filed(photograph(3), quality).quantization  # type: ignore[attr-defined]
    found = jpeg.steps(jpeg.percent_of(torch.tensor([quality])))
    assert found.flatten(2).squeeze(0).tolist() == [tables[0], tables[1]]


@pytest.mark.parametrize("quality", [20, 60, 75, 90, 100])
@pytest.mark.parametrize("subsampling", [WHOLE, HALVED])
def test_a_photograph_is_as_libjpeg_writes_and_reads_it(quality: int, subsampling: int) -> None:
    image = photograph(3)
    expected = by_pillow(image, quality, subsampling)
    error = (by_torch(image, quality, subsampling) - expected).abs().mean()
    assert error < 0.7  # of 255: libjpeg rounds colours to 8 bits before and after
    lost = (image - expected).abs().mean()
    assert quality == 100 or error < lost / 3


@pytest.mark.parametrize("quality", [20, 75, 100])
def test_a_picture_in_grey_is_as_libjpeg_writes_and_reads_it(quality: int) -> None:
    image = photograph(1)
    error = (by_torch(image, quality) - by_pillow(image, quality)).abs()
    assert error.mean() < 0.15
    assert error.median() == 0


@pytest.mark.parametrize("subsampling", [WHOLE, HALVED])
def test_a_crop_is_cut_out_of_the_blocks_of_its_picture(subsampling: int) -> None:
    """Its edges are left out: blocks there have pixels that the crop lacks."""
    image = photograph(3)
    crop = image[:, 27:155, 38:166]  # 27 = 16 + 11, 38 = 2 * 16 + 6
    inner = slice(24, 96)
    whole = by_torch(image, 60, subsampling)[:, 27:155, 38:166]
    torch.testing.assert_close(
        by_torch(crop, 60, subsampling, (11, 6))[:, inner, inner],
        whole[:, inner, inner],
        rtol=0,
        atol=1,  # sums of float32 are rounded to 8 bits
    )
    elsewhere = by_torch(crop, 60, subsampling, (7, 6))[:, inner, inner]
    assert (elsewhere - whole[:, inner, inner]).abs().mean() > 0.5


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 1, 40), (3, 17, 16), (2, 5, 3)])
def test_images_of_any_size_are_coded_each_by_its_own_settings(shape: tuple[int, ...]) -> None:
    random = generator("cpu", "test")
    images = torch.rand(6, *shape, generator=random)
    percent = torch.tensor([2.0, 30, 80, 200, 0, 500])
    halved, corner = torch.arange(6) % 2 == 0, torch.randint(16, (6, 2), generator=random)
    together = jpeg.compressed(images, percent, halved, corner)
    assert together.shape == images.shape
    alone = [
        jpeg.compressed(*(part[None] for part in parts))
        for parts in zip(images, percent, halved, corner, strict=True)
    ]
    # A coefficient halfway between two steps may be rounded to the other one: how a processor sums
    # depends on the batch. That changes a single block by a step, other settings all of them.
    differences = (together - torch.cat(alone)).abs()
    assert (differences > 1e-5).float().mean() < 0.01
    assert differences.max() < 0.1
