"""What training minimises, of which `objectives` has those of the field.

B images in a batch, C channels, H x W pixels.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, Self

import torch
from pytorch_lightning import Callback
from torch import Tensor

from denoisers.base import ImageModel, LossOutput
from denoisers.denoiser import PixelDenoiser
from groundwork.batch import Batch
from groundwork.ranges import require_ranges

Net = Callable[[Tensor], Tensor]  # B C H W -> B C H W
NoiseKind = Literal["any", "zero-mean", "gaussian"]
SQUARED = ("mse", "psnr")  # losses whose place the squared error can take


@dataclass(frozen=True)
class TrainingObjective(ABC):
    """What training minimises.

    A new objective is a frozen dataclass, whose fields are its settings with their
    ranges, and a YAML file in `conf/objective/` with their defaults.

    Attributes:
        needs_noise: The noise that the training images need: any, with zero mean, or white
            Gaussian noise of a known standard deviation that is not clipped.
        needs_second: Whether batches need a second noisy view.

    Raises:
        ValueError: A setting is out of range.
    """

    needs_noise: ClassVar[NoiseKind]
    needs_second: ClassVar[bool] = False

    def __post_init__(self) -> None:
        require_ranges(type(self), self.settings())

    def settings(self) -> dict[str, Any]:
        """Return what it was made from, by name."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.init}

    def callbacks(self) -> list[Callback]:
        """Return what has to run beside the training that minimises it."""
        return []

    @abstractmethod
    def require_fit(self, model: ImageModel) -> None:
        """Refuse a model that this objective cannot train.

        Raises:
            ValueError: It cannot train the model. The message says why.
        """

    @abstractmethod
    def __call__(self, model: ImageModel, batch: Batch, random: torch.Generator) -> LossOutput:
        """Return the loss of a batch.

        Args:
            model: The model that learns.
            batch: The batch.
            random: The only source of randomness, on the batch's device.
        """


@dataclass(frozen=True)
class Unsupervised(TrainingObjective):
    """An objective that does not use `batch.clean`.

    Attributes:
        needs_fully_convolutional: Whether it trains on images of another size than the data's.
    """

    needs_noise: ClassVar[NoiseKind] = "zero-mean"
    needs_fully_convolutional: ClassVar[bool] = False

    def require_fit(self, model: ImageModel) -> None:
        name, of = type(self).__name__, type(model).__name__
        if not isinstance(model, PixelDenoiser):
            raise ValueError(
                f"objective: {name} replaces a loss between pixels, and a {of}'s is another: it "
                "takes objective=supervised only"
            )
        if model.loss not in SQUARED:
            raise ValueError(
                f"objective: {name} finds clean images as the mean of noisy ones, which minimises "
                f"the squared error and no other: model.loss={model.loss} must be mse or psnr"
            )
        if self.needs_fully_convolutional and not model.fully_convolutional:
            raise ValueError(
                f"objective: {name} trains on images of half the size, and a {of} takes one size "
                "only: choose a convolutional model"
            )

    def choosing(self) -> TrainingObjective:
        """Return the objective whose loss on held-out images chooses the epoch."""
        return self

    def __call__(self, model: ImageModel, batch: Batch, random: torch.Generator) -> LossOutput:
        assert isinstance(model, PixelDenoiser)
        return LossOutput(self.terms(model.estimate, batch, random))

    def terms(self, net: Net, batch: Batch, random: torch.Generator) -> dict[str, Tensor]:
        """Return the loss as "loss", and other scalars that are logged beside it."""
        return {"loss": self.loss(net, batch, random)}

    def allowed_reach(self) -> tuple[float, float]:
        """Return how many pixels down and across the noise may be shared. (0, 0) is white noise."""
        return 0, 0

    def fitted(self, std: float | None, reach: tuple[int, int]) -> Self:
        """Return the objective with those settings that are None taken from the noise.

        Args:
            std: Standard deviation of the pictures' noise, or None if it cannot be estimated.
            reach: How many pixels down and across it is shared.

        Raises:
            ValueError: It has to be known and is not.
        """
        return self

    @abstractmethod
    def loss(self, net: Net, batch: Batch, random: torch.Generator) -> Tensor:
        """Return the loss, a scalar.

        Args:
            net: Maps noisy to restored images, B C H W, not cut to [0, 1].
            batch: The batch.
            random: The only source of randomness, on the batch's device.
        """
