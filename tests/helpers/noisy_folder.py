"""Noisy pictures, and the data module that reads them."""

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import torch

from datamodules.no_noise import NoNoise
from datamodules.noisy_folder import NoisyFolder
from datamodules.sampling import Draw
from groundwork.batch import Batch

SETTINGS: dict[str, Any] = {
    "second_root": None,
    "reference": None,
    "channels": 1,
    "crop": 8,
    "range": "auto",
    "even": False,
    "symmetries": False,
    "train_size": 400,
    "val_size": 100,
    "val_share": 0.1,
    "batch_size": 64,
    "eval_seed": 0,
    "num_workers": 0,
    "seed": 0,
}


def noisy_floats(*shape: int, seed: int = 0) -> np.ndarray:
    """Return values around black and white, no two of which are equal."""
    return np.random.default_rng(seed).uniform(-0.3, 1.3, shape).astype(np.float32)


def save(path: Path, samples: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = samples.ndim == 3 and samples.shape[-1] == 3
    tifffile.imwrite(path, samples, photometric="rgb" if colour else "minisblack")
    return path


def new_data(root: Path, **settings: Any) -> NoisyFolder:
    data = NoisyFolder(NoNoise(clip=False), root=str(root), **SETTINGS | settings)
    data.setup("fit")
    return data


def training_batch(data: NoisyFolder) -> Batch:
    return data.on_after_batch_transfer(Draw("train", 0, 0, torch.arange(data.size("train"))), 0)
