"""The noise of a sensor: its light is counted, and reading it out adds normal noise."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from datamodules import clipped_mean
from datamodules.noise import Noise, NotNegative

KNOTS = 1025  # levels of grey whose clipped mean is computed
FEWEST = 1e-9  # of a: CUDA counts photons in 32 bits


@dataclass(frozen=True)
class PoissonGaussian(Noise):
    """Shot noise and read-out noise together (Foi et al. 2008).

    A clean value x becomes s² a Poisson(x / (s² a)) + s √b n, where n is a standard normal value
    and s the strength. The variance is s² (a x + b). The level is the deviation at white.

    Attributes:
        a: The variance of the shot noise at white, which is one over the photons there.
        b: The variance of the read-out noise.
        strength: A factor on the standard deviation. 0 is no noise.
    """

    a: NotNegative
    b: NotNegative
    strength: NotNegative
    clip: bool
    level_name = "standard deviation at white, strength × √(a + b)"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.a + self.b == 0:
            raise ValueError("a and b must not both be 0: strength=0 is no noise")
        if self.strength and 0 < self._scaled[0] < FEWEST:
            raise ValueError(
                f"a must be 0 or at least {FEWEST} after strength squared, "
                f"got {self._scaled[0]:.3g}"
            )

    @property
    def _scaled(self) -> tuple[float, float]:
        """The variances of both parts at white."""
        return self.strength**2 * self.a, self.strength**2 * self.b

    def draw(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        shot, read = self._scaled
        noisy = clean.clone()
        if shot:
            rate = noisy.clamp_(min=0).div_(shot)  # within `Mixed`, values may be below 0
            noisy = torch.poisson(rate, generator).mul_(shot)
        if read:
            noisy += torch.empty_like(clean).normal_(std=read**0.5, generator=generator)
        return noisy

    def mean(self, clean: Tensor) -> Tensor:
        if not self.clip or not self.strength:
            return clean
        knots = torch.linspace(0, 1, KNOTS, dtype=torch.float64)
        return clipped_mean.from_table(self._clipped_means(knots), clean)

    def _clipped_means(self, clean: Tensor) -> Tensor:
        shot, read = self._scaled
        if not shot:
            return clipped_mean.gaussian(clean, read**0.5)
        if not read:
            return clipped_mean.poisson(clean, 1 / shot)
        return clipped_mean.poisson_gaussian(clean, 1 / shot, read**0.5)

    @property
    def level(self) -> float:
        return self.strength * (self.a + self.b) ** 0.5

    def at(self, level: float) -> "PoissonGaussian":
        if level < 0:
            raise ValueError(f"level must be at least 0, got {level}")
        return replace(self, strength=level / (self.a + self.b) ** 0.5)
