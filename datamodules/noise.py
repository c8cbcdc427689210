"""Noise: what turns a clean batch into the one that the model sees."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

STRONGEST = 1_000  # standard deviation: already no trace of the image is left


class Noise(ABC):
    """A noise with plain numeric settings. It keeps no state and changes no tensor in place.

    A new noise is a frozen dataclass in this file, whose fields are its settings, and a YAML file
    in `conf/noise/` with their defaults.
    """

    @abstractmethod
    def __call__(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        """clean: float B C H W in [0, 1], on the generator's device; returns the noisy batch."""

    @abstractmethod
    def mean(self, clean: Tensor) -> Tensor:
        """What a clean pixel becomes on average: any shape, clean in [0, 1]."""

    @property
    @abstractmethod
    def level(self) -> float:
        """The one number by which this noise grows; 0 is none."""

    @abstractmethod
    def at(self, level: float) -> Self:
        """The same noise at another level, for sweeps over noise levels."""


@dataclass(frozen=True)
class Gaussian(Noise):
    """Additive white Gaussian noise.

    std: standard deviation, in units of the [0, 1] range of the clean image; 0 is none.
    clip: cut the noisy image to [0, 1], as a sensor or an image file would. Clipped noise has no
        zero mean: at std 0.5 a black pixel's mean becomes 0.2.
    """

    std: float
    clip: bool

    def __post_init__(self) -> None:
        if not 0 <= self.std <= STRONGEST:
            raise ValueError(f"std must be in [0, {STRONGEST:,}], got {self.std}")

    def __call__(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        noisy = torch.empty_like(clean).normal_(std=self.std, generator=generator).add_(clean)
        return noisy.clamp_(0, 1) if self.clip else noisy

    def mean(self, clean: Tensor) -> Tensor:
        """Cut to [0, 1], z is max(z, 0) - max(z - 1, 0), whose means are known (Foi 2009)."""
        if not self.clip or self.std == 0:
            return clean
        return _mean_above_zero(clean, self.std) - _mean_above_zero(clean - 1, self.std)

    @property
    def level(self) -> float:
        return self.std

    def at(self, level: float) -> Self:
        return replace(self, std=level)


def _mean_above_zero(mean: Tensor, std: float) -> Tensor:
    """E[max(z, 0)] of a normal variable z: mean * cdf(mean / std) + std * pdf(mean / std)."""
    ratio = mean / std
    density = (-ratio.square() / 2).exp() / math.sqrt(2 * math.pi)
    return mean * torch.special.ndtr(ratio) + std * density
