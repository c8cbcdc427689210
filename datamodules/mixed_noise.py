"""Noises that follow one another, as those of a camera do."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from datamodules import clipped_mean
from datamodules.noise import Noise, NotNegative

KNOTS, DRAWS = 33, 2**19  # levels of grey whose mean is estimated, and draws at each


@dataclass(frozen=True)
class Mixed(Noise):
    """Several noises, one after the other.

    Attributes:
        parts: The noises in their order, under any names. Each has a `clip` of its own.
        strength: A factor on the levels of all parts, which is the level of the whole. 0 is no
            noise.
        clip: Cut the output of the last part.
    """

    parts: Mapping[str, Noise]
    strength: NotNegative
    clip: bool
    level_name = "factor on the levels of all parts of the noise"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.parts:
            raise ValueError("parts must hold at least one noise")
        for name, part in self.parts.items():
            if not isinstance(part, Noise):
                raise ValueError(f"parts.{name} must be a noise, got {part}")
            try:
                part.scaled(self.strength)
            except ValueError as error:
                raise ValueError(f"strength={self.strength}: parts.{name}.{error}") from error

    @cached_property
    def _scaled(self) -> list[Noise]:
        return [part.scaled(self.strength) for part in self.parts.values()]

    def draw(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        noisy = clean
        for part in self._scaled:
            noisy = part(noisy, generator)
        return noisy

    def mean(self, clean: Tensor) -> Tensor:
        """Estimate the mean, which has no closed form, by fixed draws at 33 levels of grey.

        It is linear between them. The standard error is 0.0014 of the noise's standard deviation.
        """
        return clipped_mean.from_table(self._means, clean)

    @cached_property
    def _means(self) -> Tensor:
        """Means at the knots: float64 KNOTS. They never fall: a fall would be chance."""
        strips = torch.linspace(0, 1, KNOTS).expand(DRAWS, 1, 1, KNOTS)
        noisy = self(strips, torch.Generator().manual_seed(0))
        return noisy.double().mean((0, 1, 2)).cummax(0).values

    @property
    def level(self) -> float:
        return self.strength

    def at(self, level: float) -> "Mixed":
        return replace(self, strength=level)
