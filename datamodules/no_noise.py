"""The noise of pictures to which none is added, since they have their own."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from datamodules.noise import Noise


@dataclass(frozen=True)
class NoNoise(Noise):
    """Leaves images as they are.

    Args:
        clip: See `Noise`.
    """

    clip: bool
    level_name: ClassVar[str] = "no noise"

    def draw(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        return clean.clone()

    def mean(self, clean: Tensor) -> Tensor:
        return clean

    @property
    def level(self) -> float:
        return 0.0

    def at(self, level: float) -> "NoNoise":
        if level:
            raise ValueError(f"level must be 0, since noise=none adds none, got {level:g}")
        return self
