"""A small convolutional classifier of clean images or, as a control, of noisy ones.

B images of C channels, K classes. Each stage halves height and width:
B C H W -> B c1 H/2 W/2 -> ... -> B cn -> B hidden -> B K
"""

import itertools
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy

from denoisers.base import ImageModel, LossOutput, Stage, Width, Widths
from denoisers.optimizer import OptimizerSettings
from groundwork.batch import Batch
from groundwork.ranges import require_ranges


class Classifier(ImageModel):
    """forward(images) -> logits, B K.

    It has no batch normalisation: running statistics of clean images would cost it much accuracy on
    images that are restored, or a little noisy.

    Args:
        image_shape: C H W of the data.
        num_classes: K.
        input: The images of each batch that it learns from and is scored on. "noisy" makes the
            control: the accuracy without restoring anything.
        channels: Of the convolutions, one for each stage.
        hidden: Width of the fully connected layer.
        dropout: Share of that layer's inputs, and of its outputs, that are dropped in training.
        optimizer, seed: See `ImageModel`.
    """

    monitor = "val/accuracy"

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        num_classes: int,
        input: Literal["clean", "noisy"],
        channels: Widths,
        hidden: Width,
        dropout: Annotated[float, Field(ge=0, lt=1)],
        optimizer: OptimizerSettings,
        seed: int,
    ) -> None:
        super().__init__(optimizer, seed)
        self.save_hyperparameters()
        require_ranges(Classifier.__init__, locals())
        channels_in, height, width = image_shape
        self.image_shape = channels_in, height, width  # a tuple, also where a config held a list
        if num_classes < 1:
            raise ValueError("num_classes must be at least 1, got 0: the data has no labels")
        self.num_classes = num_classes
        self.input = input
        stages: list[nn.Module] = []
        for before, after in itertools.pairwise([channels_in, *channels]):
            stages += [
                nn.Conv2d(before, after, 3, padding=1),
                nn.MaxPool2d(2, ceil_mode=True),  # a last odd row or column is kept
                nn.ReLU(),
            ]
        for _ in channels:
            height, width = -(-height // 2), -(-width // 2)
        self.features = nn.Sequential(
            *stages,
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(channels[-1] * height * width, hidden),
            nn.ReLU(),
        )
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(hidden, num_classes))
        self.to(memory_format=torch.channels_last)  # what convolutions on a CPU are fastest with
        self.metrics = nn.ModuleDict(
            {
                stage: MetricCollection(
                    {"accuracy": MulticlassAccuracy(num_classes, average="micro")}
                )
                for stage in ("val", "test")
            }
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))

    def encode(self, noisy: Tensor) -> Tensor:
        return self.features(noisy)

    def loss_of(self, batch: Batch, random: torch.Generator) -> LossOutput:
        logits = self(batch.clean if self.input == "clean" else batch.noisy)
        return LossOutput({"loss": F.cross_entropy(logits, batch.label)}, logits)

    def update_metrics(self, stage: Stage, output: Tensor, batch: Batch) -> None:
        self.metrics[stage].update(output, batch.label)  # type: ignore[operator]

    def stage_metrics(self, stage: Stage) -> list[MetricCollection]:
        return [self.metrics[stage]] if stage != "train" else []  # type: ignore[list-item]
