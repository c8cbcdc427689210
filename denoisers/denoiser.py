"""What the models that restore images share: their metrics, and losses between pixels.

B images in a batch, C channels, H x W pixels.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torchmetrics import MetricCollection

from denoisers.base import ImageModel, Objective, Stage
from denoisers.losses import PixelLossName, pixel_loss
from denoisers.metrics import restoration_metrics
from groundwork.batch import Batch
from groundwork.measures import NOISY, between_images


class Denoiser(ImageModel):
    """A model that restores images: `forward(noisy) -> restored`, B C H W, in [0, 1].

    What is restored is float32, also under mixed precision.

    image_shape: C, H and W of the images.
    """

    monitor = "val/psnr"

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        lr: float,
        lr_decay: float,
        weight_decay: float,
        seed: int,
    ) -> None:
        super().__init__(lr, lr_decay, weight_decay, seed)
        channels, height, width = image_shape
        self.image_shape = channels, height, width  # a tuple, also where a config held a list
        self.measure_by(between_images(self.image_shape))

    def measure_by(self, measures: Sequence[str]) -> None:
        """Measure images in validation and test by these names in `denoisers.metrics.FUNCTIONS`."""
        self.metrics = torch.nn.ModuleDict(
            {
                "val": restoration_metrics(measures),
                "test": restoration_metrics(measures),
                # What the model was given, scored like what it made of it.
                "noisy": restoration_metrics(measures, prefix=NOISY),
            }
        )

    @abstractmethod
    def forward(self, noisy: Tensor) -> Tensor:
        """The restored images."""

    def update_metrics(self, stage: Stage, output: Tensor, batch: Batch) -> None:
        self.metrics[stage].update(output, batch.clean)  # type: ignore[operator]
        if stage == "test":
            self.metrics["noisy"].update(batch.noisy, batch.clean)  # type: ignore[operator]

    def stage_metrics(self, stage: Stage) -> list[MetricCollection]:
        names = {"train": (), "val": ("val",), "test": ("test", "noisy")}[stage]
        return [self.metrics[name] for name in names]  # type: ignore[misc]


class PixelDenoiser(Denoiser):
    """A denoiser that minimises a loss between pixels, in whose place others can be put.

    loss: its name; see `denoisers.losses`.
    """

    fully_convolutional: ClassVar[bool]  # whether it takes images of any size
    loss: PixelLossName

    @property
    def takes_any_size(self) -> bool:
        return self.fully_convolutional

    @abstractmethod
    def estimate(self, noisy: Tensor) -> Tensor:
        """The restored images before they are cut to [0, 1], which would stop the gradient."""


class Autoencoder(PixelDenoiser):
    """A denoiser that minimises a loss between restored and clean pixels.

    loss: "mse", "l1" or "bce".
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        loss: PixelLossName,
        lr: float,
        lr_decay: float,
        weight_decay: float,
        seed: int,
    ) -> None:
        super().__init__(image_shape, lr, lr_decay, weight_decay, seed)
        self.loss = loss

    @abstractmethod
    def logits(self, noisy: Tensor) -> Tensor:
        """What the sigmoid turns into the restored image: B C H W -> B C H W."""

    def forward(self, noisy: Tensor) -> Tensor:
        return self.logits(noisy).float().sigmoid()

    def estimate(self, noisy: Tensor) -> Tensor:
        """What `forward` gives: a sigmoid cuts nothing."""
        return self(noisy)

    def objective(self, batch: Batch, random: torch.Generator) -> Objective:
        loss, restored = pixel_loss(self.loss, self.logits(batch.noisy), batch.clean)
        return Objective({"loss": loss}, restored)
