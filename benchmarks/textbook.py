"""A Lightning pipeline as in tutorials, for one of this project's networks.

torchvision's dataset makes a PIL image of each item, and `ToTensor` a tensor. A wrapper adds noise,
and a `DataLoader` collates. `self.log` logs to step, epoch and progress bar. The optimizer is Adam,
and memory has torch's default layout. The number of threads and OpenMP's setting are this
project's, without which the pipeline would be slower still.

    python -m benchmarks.textbook STEPS OVERRIDES...     with train.py's overrides
"""

import os
import sys
import tempfile
from typing import Any

os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import datasets, transforms

from benchmarks.epoch_turns import EpochTurns
from benchmarks.from_config import data_and_model
from datamodules.mnist import FashionMNIST
from denoisers.base import ImageModel
from groundwork.batch import Batch


class NoisyImages(Dataset[tuple[Tensor, Tensor, int]]):
    def __init__(self, images: Dataset[tuple[Tensor, int]], std: float) -> None:
        self.images = images
        self.std = std

    def __len__(self) -> int:
        return len(self.images)  # type: ignore[arg-type]

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, int]:
        clean, label = self.images[index]
        noisy = (clean + self.std * torch.randn_like(clean)).clamp(0, 1)
        return noisy, clean, label


class Module(pl.LightningModule):
    def __init__(self, network: ImageModel) -> None:
        super().__init__()
        self.network = network
        self.random = torch.Generator().manual_seed(0)

    def forward(self, noisy: Tensor) -> Tensor:
        return self.network(noisy)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        noisy, clean, label = batch
        loss = self.network.loss_of(Batch(noisy, clean, label), self.random).terms["loss"]
        self.log("train/loss", loss, on_step=True, on_epoch=True, prog_bar=True)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        pass

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.network.optimizer_settings["lr"])


def fit(
    overrides: list[str], callback: Callback, folder: str, epochs: int, steps: int | None
) -> None:
    """Train.

    Args:
        overrides: Those of train.py.
        callback: What looks on.
        folder: What Lightning writes goes there.
        epochs: How many are trained. -1 has no end.
        steps: Steps of an epoch. None is all.
    """
    data, model = data_and_model(overrides)
    assert isinstance(data, FashionMNIST)
    source = datasets.FashionMNIST(data.root, transform=transforms.ToTensor())
    loader = DataLoader(NoisyImages(source, data.noise.level), data.batch_size, shuffle=True)
    trainer = pl.Trainer(
        max_epochs=epochs,
        limit_train_batches=steps,
        limit_val_batches=1,
        num_sanity_val_steps=0,
        callbacks=[callback],
        default_root_dir=folder,
    )
    trainer.fit(Module(model.to(memory_format=torch.contiguous_format)), loader, loader)


def main(steps: int, overrides: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        fit(overrides, EpochTurns(), folder, epochs=-1, steps=steps)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
