"""Folders of pictures whose crops can be told by their contents."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from datamodules.folder import Folder
from datamodules.images import Split
from datamodules.noise import Gaussian
from datamodules.sampling import DrawSampler
from groundwork.batch import Batch
from tests.helpers.pictures import save

CROP = 5
SETTINGS: dict[str, Any] = {
    "test_root": None,
    "channels": 1,
    "crop": CROP,
    "range": "auto",
    "symmetries": True,
    "grey_share": 0.0,
    "train_size": 300,
    "val_size": 100,
    "test_size": 100,
    "val_share": 0.2,
    "test_share": 0.2,
    "batch_size": 64,
    "eval_seed": 0,
    "num_workers": 0,
    "seed": 0,
}
SPLITS: tuple[Split, ...] = ("train", "val", "test")


def pixels(height: int, width: int, *channels: int, seed: int) -> np.ndarray:
    shape = (height, width, *channels)
    return np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8)


def fill(root: Path, count: int = 5) -> dict[str, np.ndarray]:
    """Write random grey pictures of several sizes. No two pixels have the same surroundings."""
    made = {}
    for number in range(count):
        made[f"{number}.png"] = pixels(11 + 2 * number, 20 - number % 9, seed=number)
        save(root / f"{number}.png", made[f"{number}.png"])
    return made


def new_folder(root: Path, **settings: Any) -> Folder:
    data = Folder(Gaussian(std=0.1, clip=False), root=str(root), **SETTINGS | settings)
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    return data


def epoch_of(data: Folder, epoch: int) -> list[Batch]:
    """Return the training batches of an epoch."""
    loader = data.train_dataloader()
    assert isinstance(loader.sampler, DrawSampler)
    loader.sampler.set_epoch(epoch)
    return [data.on_after_batch_transfer(draw, 0) for draw in loader]


def trained_on(data: Folder, epoch: int = 0) -> Tensor:
    return torch.cat([batch.clean for batch in epoch_of(data, epoch)])


def clean(data: Folder, split: Split) -> Tensor:
    return data.eval_batch(split, torch.arange(data.size(split))).clean


def bytes_of(crops: Tensor) -> list[bytes]:
    """Return the 8-bit samples of each crop."""
    return [crop.tobytes() for crop in (crops * 255).round().to(torch.uint8).numpy()]


def windows(picture: np.ndarray, size: int = CROP) -> dict[bytes, tuple[int, int, int]]:
    """Map each possible crop of a picture H W to its top, left and symmetry, where 0 is none."""
    found = {}
    for top in range(picture.shape[0] - size + 1):
        for left in range(picture.shape[1] - size + 1):
            crop = picture[top : top + size, left : left + size]
            for turns in range(4):
                turned = np.rot90(crop, turns)
                found[turned.tobytes()] = top, left, turns
                found[turned.T.tobytes()] = top, left, turns + 4
    return found


def sources(data: Folder, split: Split, pictures: dict[str, np.ndarray]) -> list[str]:
    """Return the pictures that a split's crops are from."""
    places = {crop: name for name, picture in pictures.items() for crop in windows(picture)}
    crops = trained_on(data) if split == "train" else clean(data, split)
    return [places[crop] for crop in bytes_of(crops)]
