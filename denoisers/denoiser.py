"""What all models that restore images share: their metrics, and losses between pixels.

B images in a batch, C channels, H x W pixels.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torchmetrics import MetricCollection

from denoisers.base import ImageModel, LossOutput, Stage
from denoisers.losses import DistanceName, PixelLossName, distance, pixel_loss
from denoisers.metrics import restoration_metrics
from denoisers.optimizer import OptimizerSettings
from groundwork.batch import Batch
from groundwork.measures import NOISY, between_images


class Denoiser(ImageModel):
    """A model that restores images: `forward(noisy) -> restored`, B C H W in [0, 1].

    The restored images are float32, also under mixed precision.

    Args:
        image_shape: C H W.
        optimizer, seed: See `ImageModel`.
    """

    monitor = "val/psnr"

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        optimizer: OptimizerSettings,
        seed: int,
    ) -> None:
        super().__init__(optimizer, seed)
        channels, height, width = image_shape
        self.image_shape = channels, height, width  # a tuple, also where a config held a list
        self.measure_by(between_images(self.image_shape))

    def measure_by(self, measures: Sequence[str]) -> None:
        """Measure images in validation and test by these names in `denoisers.metrics.FUNCTIONS`."""
        self.metrics = torch.nn.ModuleDict(
            {
                "val": restoration_metrics(measures),
                "test": restoration_metrics(measures),
                # The noisy images, scored like the restored ones.
                "noisy": restoration_metrics(measures, prefix=NOISY),
            }
        )

    @abstractmethod
    def forward(self, noisy: Tensor) -> Tensor:
        """Return the restored images."""

    def update_metrics(self, stage: Stage, output: Tensor, batch: Batch) -> None:
        self.metrics[stage].update(output, batch.clean)  # type: ignore[operator]
        if stage == "test":
            self.metrics["noisy"].update(batch.noisy, batch.clean)  # type: ignore[operator]

    def stage_metrics(self, stage: Stage) -> list[MetricCollection]:
        names = {"train": (), "val": ("val",), "test": ("test", "noisy")}[stage]
        return [self.metrics[name] for name in names]  # type: ignore[misc]


class PixelDenoiser(Denoiser):
    """A denoiser that minimises a loss between pixels, which an objective can replace.

    Attributes:
        fully_convolutional: Whether it takes images of any size.
        loss: The name of its loss in `denoisers.losses`.
    """

    fully_convolutional: ClassVar[bool]
    loss: DistanceName | PixelLossName

    @property
    def takes_any_size(self) -> bool:
        return self.fully_convolutional

    @abstractmethod
    def estimate(self, noisy: Tensor) -> Tensor:
        """Return the restored images before they are cut to [0, 1].

        Values that are cut have no gradient.
        """


class NoisePredictor(PixelDenoiser):
    """A denoiser that predicts the noise and subtracts it.

    Args:
        loss: Between clean pixels and restored ones before they are cut to [0, 1], since values
            that are cut have no gradient.
        image_shape, optimizer, seed: See `Denoiser`.
    """

    loss: DistanceName

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        loss: DistanceName,
        optimizer: OptimizerSettings,
        seed: int,
    ) -> None:
        super().__init__(image_shape, optimizer, seed)
        self.loss = loss

    def forward(self, noisy: Tensor) -> Tensor:
        return self.estimate(noisy).clamp(0, 1)

    def loss_of(self, batch: Batch, random: torch.Generator) -> LossOutput:
        estimate = self.estimate(batch.noisy)
        loss = distance(self.loss, estimate, batch.clean)
        return LossOutput({"loss": loss}, estimate.clamp(0, 1))


class Autoencoder(PixelDenoiser):
    """A denoiser whose last layer gives logits, and which minimises a loss between pixels.

    Args:
        image_shape, optimizer, seed: See `Denoiser`.
        loss: Between restored and clean pixels.
    """

    loss: PixelLossName

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        loss: PixelLossName,
        optimizer: OptimizerSettings,
        seed: int,
    ) -> None:
        super().__init__(image_shape, optimizer, seed)
        self.loss = loss

    @abstractmethod
    def logits(self, noisy: Tensor) -> Tensor:
        """Return the logits of the restored images: B C H W -> B C H W."""

    def forward(self, noisy: Tensor) -> Tensor:
        return self.logits(noisy).float().sigmoid()

    def estimate(self, noisy: Tensor) -> Tensor:
        """Return the output of `forward`, since a sigmoid cuts nothing."""
        return self(noisy)

    def loss_of(self, batch: Batch, random: torch.Generator) -> LossOutput:
        loss, restored = pixel_loss(self.loss, self.logits(batch.noisy), batch.clean)
        return LossOutput({"loss": loss}, restored)
