"""The batches of data modules, and what is in them."""

import torch
from torch import Tensor

from datamodules.images import ImageDataModule, Split
from datamodules.sampling import Draw, DrawSampler


def draws(data: ImageDataModule, split: Split, epoch: int = 0) -> list[Draw]:
    """Return what a split's loader yields in an epoch."""
    loader = {
        "train": data.train_dataloader,
        "val": data.val_dataloader,
        "test": data.test_dataloader,
    }[split]()
    assert isinstance(loader.sampler, DrawSampler)
    loader.sampler.set_epoch(epoch)
    return list(loader)


def order(data: ImageDataModule, split: Split, epoch: int = 0) -> list[int]:
    return torch.cat([draw.positions for draw in draws(data, split, epoch)]).tolist()


def clean(data: ImageDataModule, split: Split) -> Tensor:
    """Return a split's images in its own order."""
    return data.eval_batch(split, torch.arange(data.size(split))).clean


def rows_per_class(labels: Tensor) -> Tensor:
    return labels.bincount(minlength=10)
