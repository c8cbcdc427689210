"""The noise of photographs, as it comes out of a camera."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from datamodules import clipped_mean, jpeg
from datamodules.colours import linear, random_cameras, recoloured, toned
from datamodules.mosaic import Mosaic
from datamodules.noise import Noise, Probability
from datamodules.noise_reduction import smoothed

# log(b) = SLOPE log(a) + OFFSET, apart from a normal deviation (Brooks et al., section 3.1).
SLOPE, OFFSET, DEVIATION = 2.18, 1.20, 0.26
CHROMA = 3  # noise reduction of cameras blurs colours more than brightness
HALVED = 0.5  # share of the files whose chroma has half the height and width

MOST_VALUES = 2**23  # that are worked on at a time, to bound the memory
KNOTS = 33  # levels of grey whose mean is estimated,
FLAT = (256, 3, 16, 16)  # from flat images of this shape

ShotLevel = Annotated[float, Field(gt=0, le=1)]
Quality = Annotated[int, Field(ge=1, le=100)]


@dataclass(frozen=True)
class Camera(Noise):
    """Noise that arises on the sensor of a camera and goes through all that the camera does.

    A picture is turned back into raw numbers (Brooks et al. 2019, "Unprocessing images for learned
    raw denoising"). A raw number x gets normal noise of variance a x + b. The noise goes through
    demosaicking, white balance, the colour matrix, gamma, the tone curve and noise reduction, and
    in a part of the images through JPEG. So it depends on the light, and that of neighbouring
    pixels and of the three colours is correlated. Each image has a camera, levels and a file of its
    own. Images without three channels have no mosaic and no colours.

    The linear steps, demosaicking and noise reduction, are applied to the noise alone. What they
    would blur of the picture stays, since a denoiser is to return the given image. What JPEG loses
    counts as noise.

    Attributes:
        min_shot, max_shot: The range of a, the variance of the shot noise at raw white. All its
            logarithms are equally likely. The variance b of the read-out noise follows from it.
        max_smoothing: The largest std in pixels of the Gaussian window by which noise reduction
            blurs brightness. All from 0 to this are equally likely. Three times it is for colours.
        jpeg_probability: The probability that an image goes through JPEG.
        min_quality, max_quality: The range of JPEG's quality, as libjpeg counts it. All whole
            numbers are equally likely.
        strength: A factor on the standard deviation of the raw noise and on the steps of JPEG,
            which is the level. Chroma is halved at any strength. 0 is no noise, and no JPEG.
        clip: Cut what JPEG brings beyond [0, 1]. The values that it gets are always cut.
    """

    min_shot: ShotLevel
    max_shot: ShotLevel
    max_smoothing: Annotated[float, Field(ge=0, le=100)]
    jpeg_probability: Probability
    min_quality: Quality
    max_quality: Quality
    strength: Annotated[float, Field(ge=0, le=1_000)]  # at 1,000 no trace of the image is left
    clip: bool
    level_name = "factor on the raw noise and on the steps of JPEG"

    def __post_init__(self) -> None:
        super().__post_init__()
        for least, most in (("min_shot", "max_shot"), ("min_quality", "max_quality")):
            low, high = getattr(self, least), getattr(self, most)
            if high < low:
                raise ValueError(f"{most} must be at least {low}, got {high}")

    def draw(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        if not self.strength:
            return clean.clone()
        parts = clean.split(max(1, MOST_VALUES // clean.shape[1:].numel()))
        return torch.cat([self._draw(part, generator) for part in parts])

    def _draw(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        clean = clean.clamp(0, 1)  # within `Mixed`, values may be beyond
        noise = self._developed(clean, generator) - clean
        luma, chroma = clean.new_empty(2, len(clean)).uniform_(generator=generator)
        luma, chroma = self.max_smoothing * luma, CHROMA * self.max_smoothing * chroma
        picture = (clean + smoothed(noise, luma, chroma)).clamp_(0, 1)
        return self._filed(picture, generator)

    def _developed(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        """Return the pictures, in [0, 1], whose raw numbers have noise."""
        light = linear(clean)
        # A camera brightens its raw numbers by about 1 / 0.8 (Brooks et al., section 3.2).
        exposure = torch.empty_like(clean[:, :1, :1, :1]).normal_(0.8, 0.1, generator=generator)
        if clean.shape[1] != 3:
            noise = self._raw_noise(exposure * light, generator)
            return toned(light + noise / exposure)
        to_raw = random_cameras(clean, generator)
        corner = torch.randint(2, (len(clean), 2), generator=generator, device=clean.device)
        mosaic = Mosaic(clean, corner)
        raw = mosaic.seen(recoloured(exposure * light, to_raw))
        noise = mosaic.interpolated(self._raw_noise(raw, generator))
        to_srgb = torch.linalg.inv_ex(to_raw).inverse  # `inv` makes a GPU wait
        return toned(light + recoloured(noise, to_srgb) / exposure)

    def _raw_noise(self, raw: Tensor, generator: torch.Generator) -> Tensor:
        """Return noise of variance strength² (a x + b), with an a and a b for each image.

        Photons are not counted one by one: read-out noise, which is about one photon by the
        relation of a and b, hides that they are whole. On a CPU it is 15 times as fast.
        """
        log_a = torch.empty_like(raw[:, :1, :1, :1])
        log_a.uniform_(math.log(self.min_shot), math.log(self.max_shot), generator=generator)
        log_b = torch.empty_like(log_a).normal_(OFFSET, DEVIATION, generator=generator)
        log_b += SLOPE * log_a
        variance = log_a.exp() * raw.clamp(min=0) + log_b.exp()  # pure colours may be below 0
        noise = torch.empty_like(raw).normal_(std=self.strength, generator=generator)
        return noise.mul_(variance.sqrt_())

    def _filed(self, pictures: Tensor, generator: torch.Generator) -> Tensor:
        """Return the pictures as they are read from files."""

        def whole(low: int, high: int, *size: int) -> Tensor:
            sizes, device = (len(pictures), *size), pictures.device
            return torch.randint(low, high + 1, sizes, generator=generator, device=device)

        quality = whole(self.min_quality, self.max_quality)
        corner = whole(0, jpeg.GRID - 1, 2)  # a crop begins anywhere in the blocks of its picture
        halved, chosen = pictures.new_empty(2, len(pictures)).uniform_(generator=generator)
        percent = self.strength * jpeg.percent_of(quality)
        coded = jpeg.compressed(pictures, percent, halved < HALVED, corner)
        return torch.where((chosen < self.jpeg_probability)[:, None, None, None], coded, pictures)

    def mean(self, clean: Tensor) -> Tensor:
        """Estimate the mean, which has no closed form, from fixed draws at 33 levels of grey.

        It is that of flat areas of pictures in colour, and linear between the levels.
        """
        return clipped_mean.from_table(self._means, clean)

    @cached_property
    def _means(self) -> Tensor:
        """Means at the knots: float64 KNOTS. They never fall: a fall would be chance."""
        means = [
            self(torch.full(FLAT, grey), torch.Generator().manual_seed(0)).double().mean()
            for grey in torch.linspace(0, 1, KNOTS).tolist()
        ]
        return torch.stack(means).cummax(0).values

    @property
    def level(self) -> float:
        return self.strength

    def at(self, level: float) -> "Camera":
        return replace(self, strength=level)
