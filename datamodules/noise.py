"""Noises, which turn a clean batch into the noisy one that the model sees.

Settings are in units of the [0, 1] range of the clean image, or probabilities. Each value of a
colour image has noise of its own. Only `Dropout` removes whole pixels.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from datamodules import clipped_mean
from groundwork.ranges import require_ranges

Probability = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]


class Noise(ABC):
    """A noise with plain numeric settings. It keeps no state and changes no tensor in place.

    A new noise is a frozen dataclass, whose fields are its settings with their ranges, and a YAML
    file in `conf/noise/` with their defaults.

    Attributes:
        clip: Cut the noisy image to [0, 1], as a sensor or an image file does. Clipped noise has no
            zero mean: under Gaussian noise of std 0.5 a black pixel is 0.2 on average.
        level_name: What `level` is, for the axis of a plot.

    Raises:
        ValueError: A setting is out of range.
    """

    clip: bool
    level_name: ClassVar[str]

    def __post_init__(self) -> None:
        require_ranges(type(self), vars(self))

    def __call__(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        """Return the noisy batch, a new tensor.

        Args:
            clean: float32 B C H W in [0, 1], on the generator's device.
            generator: The only source of randomness.
        """
        noisy = self.draw(clean, generator)
        return noisy.clamp_(0, 1) if self.clip else noisy

    @abstractmethod
    def draw(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        """Return the noisy batch before it is cut, always a new tensor."""

    @abstractmethod
    def mean(self, clean: Tensor) -> Tensor:
        """Return what clean values in [0, 1], of any shape, become on average, cut if `clip`."""

    @property
    @abstractmethod
    def level(self) -> float:
        """The one number by which this noise grows. 0 is no noise. A range has its upper end."""

    @property
    def levels(self) -> tuple[float, float]:
        """The lowest and the highest level that an image may have."""
        return self.level, self.level

    @abstractmethod
    def at(self, level: float) -> "Noise":
        """Return the noise whose images all have this level, for sweeps over levels.

        Raises:
            ValueError: The noise cannot have this level.
        """

    def scaled(self, factor: float) -> "Noise":
        """Return the same noise, `factor` times as strong."""
        return self.at(factor * self.level)


@dataclass(frozen=True)
class Gaussian(Noise):
    """Additive white Gaussian noise.

    Attributes:
        std: Standard deviation, which is the level. 0 is no noise.
    """

    std: Annotated[float, Field(ge=0, le=1_000)]  # at 1,000 no trace of the image is left
    clip: bool
    level_name = "standard deviation of the noise"

    def draw(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        return torch.empty_like(clean).normal_(std=self.std, generator=generator).add_(clean)

    def mean(self, clean: Tensor) -> Tensor:
        return clipped_mean.gaussian(clean, self.std) if self.clip and self.std else clean

    @property
    def level(self) -> float:
        return self.std

    def at(self, level: float) -> "Gaussian":
        return replace(self, std=level)


@dataclass(frozen=True)
class Blind(Noise):
    """Additive white Gaussian noise with a standard deviation that is drawn for each image.

    One model learns all levels (Zhang et al. 2017, DnCNN-B). At a single level it is `Gaussian`.

    Attributes:
        min_std, max_std: The range, in which all standard deviations are equally likely.
    """

    min_std: NotNegative
    max_std: NotNegative
    clip: bool
    level_name = Gaussian.level_name

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_std < self.min_std:
            raise ValueError(f"max_std must be at least {self.min_std}, got {self.max_std}")

    def draw(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        std = torch.empty_like(clean[:, :1, :1, :1])
        std.uniform_(self.min_std, self.max_std, generator=generator)
        return torch.empty_like(clean).normal_(generator=generator).mul_(std).add_(clean)

    def mean(self, clean: Tensor) -> Tensor:
        if not self.clip:
            return clean
        return clipped_mean.gaussian_over_range(clean, self.min_std, self.max_std)

    @property
    def level(self) -> float:
        return self.max_std

    @property
    def levels(self) -> tuple[float, float]:
        return self.min_std, self.max_std

    def at(self, level: float) -> Gaussian:
        return Gaussian(level, self.clip)

    def scaled(self, factor: float) -> "Blind":
        return replace(self, min_std=factor * self.min_std, max_std=factor * self.max_std)


@dataclass(frozen=True)
class SaltAndPepper(Noise):
    """Impulse noise: values are replaced, by black or by white with equal chance.

    Attributes:
        probability: The probability that a value is replaced, which is the level.
        clip: It has an effect within `Mixed` only, since no value leaves [0, 1] here.
    """

    probability: Probability
    clip: bool
    level_name = "probability of salt or pepper"

    def draw(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        chance = torch.empty_like(clean).uniform_(generator=generator)  # in [0, 1)
        noisy = clean.masked_fill(chance < self.probability / 2, 0)
        return noisy.masked_fill_(chance >= 1 - self.probability / 2, 1)

    def mean(self, clean: Tensor) -> Tensor:
        return clean + self.probability * (0.5 - clean)

    @property
    def level(self) -> float:
        return self.probability

    def at(self, level: float) -> "SaltAndPepper":
        return replace(self, probability=level)


@dataclass(frozen=True)
class Poisson(Noise):
    """Shot noise: values are counts of photons, Poisson(peak * clean) / peak.

    The variance is clean / peak. The level is the standard deviation at white, 1 / sqrt(peak).

    Attributes:
        peak: The mean count at white. None stands for endless light, which has no noise.
    """

    peak: Annotated[float, Field(gt=0, le=1e9)] | None  # CUDA counts photons in 32 bits
    clip: bool
    level_name = "standard deviation at white, 1 / √peak"

    def draw(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        if self.peak is None:
            return clean.clone()
        rate = clean.clamp(min=0).mul_(self.peak)  # within `Mixed`, values may be below 0
        return torch.poisson(rate, generator).div_(self.peak)

    def mean(self, clean: Tensor) -> Tensor:
        if self.peak is None or not self.clip:
            return clean
        return clipped_mean.poisson(clean, self.peak)

    @property
    def level(self) -> float:
        return 0.0 if self.peak is None else self.peak**-0.5

    def at(self, level: float) -> "Poisson":
        if level < 0:  # the square hides the sign
            raise ValueError(f"level must be at least 0, got {level}")
        return replace(self, peak=max(level, 1e-100) ** -2 if level else None)  # no overflow


@dataclass(frozen=True)
class Speckle(Noise):
    """Multiplicative Gaussian noise, clean * (1 + n). There is none at black.

    Attributes:
        std: Standard deviation of n, which is the level. The noise has that of clean * std.
    """

    std: NotNegative
    clip: bool
    level_name = "standard deviation at white"

    def draw(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        return torch.empty_like(clean).normal_(1, self.std, generator=generator).mul_(clean)

    def mean(self, clean: Tensor) -> Tensor:
        std = (self.std * clean).clamp(min=1e-30)
        return clipped_mean.gaussian(clean, std) if self.clip and self.std else clean

    @property
    def level(self) -> float:
        return self.std

    def at(self, level: float) -> "Speckle":
        return replace(self, std=level)


@dataclass(frozen=True)
class Uniform(Noise):
    """Additive white noise, uniform on [-half_width, half_width].

    Attributes:
        half_width: The level. 0 is no noise. The standard deviation is half_width / sqrt(3).
    """

    half_width: NotNegative
    clip: bool
    level_name = "half width of the noise"

    def draw(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        noise = torch.empty_like(clean)
        return noise.uniform_(-self.half_width, self.half_width, generator=generator).add_(clean)

    def mean(self, clean: Tensor) -> Tensor:
        width = self.half_width
        return clipped_mean.uniform(clean, width) if self.clip and width else clean

    @property
    def level(self) -> float:
        return self.half_width

    def at(self, level: float) -> "Uniform":
        return replace(self, half_width=level)


@dataclass(frozen=True)
class Dropout(Noise):
    """Missing pixels, which become black in all channels together.

    Attributes:
        probability: The probability that a pixel is lost, which is the level.
        clip: It has an effect within `Mixed` only, since no value leaves [0, 1] here.
    """

    probability: Probability
    clip: bool
    level_name = "probability of a missing pixel"

    def draw(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        chance = torch.empty_like(clean[:, :1]).uniform_(generator=generator)  # in [0, 1)
        return clean.masked_fill(chance < self.probability, 0)

    def mean(self, clean: Tensor) -> Tensor:
        return (1 - self.probability) * clean

    @property
    def level(self) -> float:
        return self.probability

    def at(self, level: float) -> "Dropout":
        return replace(self, probability=level)
