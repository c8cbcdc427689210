"""Pictures that the tests restore with small models."""

from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

import denoise
from restoration.report import Report
from tests.helpers.runs import compose, trained

UNET = ("model=unet", "model.channels=[8,8]", "trainer.max_epochs=1", "noise=blind")


def restore(*overrides: str, checkpoint: Path | None = None) -> list[Report]:
    """Run denoise.py in this process."""
    path = checkpoint or trained(*UNET).best
    return denoise.denoise(compose("denoise", f"checkpoint={path}", "device=cpu", *overrides))


def pixels(channels: int, dtype: type = np.uint8) -> np.ndarray:
    """Return a smooth picture with noise: H W or H W C."""
    shape = (24, 30) if channels == 1 else (24, 30, channels)
    random = np.random.default_rng(0)
    smooth = gaussian_filter(random.random(shape), (3, 3, 0)[: len(shape)])
    noisy = (0.5 + 3 * (smooth - 0.5) + 0.05 * random.normal(size=shape)).clip(0, 1)
    most = 1 if dtype is np.float32 else np.iinfo(dtype).max
    return np.asarray((noisy * most) if most == 1 else np.rint(noisy * most), dtype)
