"""Intervals around the restored pixels: calibrated on validation images, scored on test images."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig
from torch import Tensor

from cli.config import plain
from datamodules.images import EVAL_BATCHES, ImageDataModule, Split
from denoisers.base import ImageModel
from denoisers.checkpoint import Checkpoint
from denoisers.intervals.calibration import (
    Calibration,
    calibrate,
    require_images,
    scaled_bounds,
)
from denoisers.intervals.widths import Images
from denoisers.saving import save_calibrated
from denoisers.symmetries import Restore
from evaluation.scoring import denoiser_of
from groundwork.run_directory import CALIBRATED
from reporting import figures

# Ranges of the clean pixel, above the first number and up to the second one. Many images have a
# background of exactly 0.
BRIGHTNESS = {
    "black": (-1, 0),
    "up to 0.25": (0, 0.25),
    "0.25 to 0.5": (0.25, 0.5),
    "0.5 to 0.75": (0.5, 0.75),
    "above 0.75": (0.75, 1),
}
ALL = "all"
WIDER = 2  # times that widths are shown


def require_calibratable(cfg: DictConfig, model: ImageModel, data: ImageDataModule) -> None:
    """Refuse to calibrate what has no intervals, or on the images that are scored.

    Raises:
        ValueError: The model restores no images, validation images are scored, or they are too few.
    """
    if cfg.intervals is None:
        return
    if denoiser_of(model) is None:
        raise ValueError(f"intervals={cfg.intervals}: a {type(model).__name__} restores no images")
    if cfg.split != "test":
        raise ValueError(
            f"intervals={cfg.intervals}: validation images calibrate them, so they are scored on "
            "test images only, with split=test"
        )
    require_images(data.val_size, cfg.intervals, cfg.interval_delta)


@torch.inference_mode()
def intervals(
    cfg: DictConfig,
    directory: Path,
    data: ImageDataModule,
    restore: Restore,
    index: Tensor,
    checkpoint: Checkpoint,
) -> dict[str, Any]:
    """Calibrate intervals, score them, and write a checkpoint that has them, and a picture.

    Args:
        cfg: The config of eval.py.
        directory: Where both are written.
        data: The images.
        restore: Restores images.
        index: Positions in the test split of the images to score, on the model's device.
        checkpoint: The model's.

    Returns:
        level, delta: As asked for.
        images: How many fitted the widths, calibrated them, and were scored.
        coverage: The share of the test images' pixels inside.
        width: The mean width of the intervals, in [0, 1].
        constant_coverage, constant_width: The same of constant half-widths, calibrated alike.
        by_brightness, by_class: "share" (of pixels), "coverage" and "width" of parts.
        checkpoint: The file that has them.
    """

    def images(split: Split, index: Tensor) -> Iterator[Images]:
        for part in index.split(EVAL_BATCHES * data.batch_size):
            batch = data.eval_batch(split, part)
            yield Images(batch.noisy, restore(batch.noisy), batch.clean)

    count = data.size("val")
    (widths, scale), (constant, constant_scale) = calibrate(
        lambda positions: images("val", positions.to(index.device)),
        count,
        cfg.intervals,
        cfg.interval_delta,
        cfg.seed,
    )
    calibration = Calibration(
        noise=plain(cfg.noise),
        symmetries=cfg.symmetries,
        level=cfg.intervals,
        delta=cfg.interval_delta,
        images=count - count // 2,
        image_shape=data.image_shape,
        scale=scale,
        widths=widths,
    )
    found, others = _Counts(), _Counts()
    labels = data.labels("test")[index.cpu()].split(EVAL_BATCHES * data.batch_size)
    for part, label in zip(images("test", index), labels, strict=True):
        found.add(part, calibration.bounds(part.noisy, part.restored))
        found.add_classes(data.class_names, label.to(index.device))
        bounds = scaled_bounds(constant, constant_scale, part.noisy, part.restored)
        others.add(part, bounds)
    save_calibrated(checkpoint, calibration, directory / CALIBRATED)
    _draw(directory, data, calibration, restore, index)
    whole, plainly = found.means()[ALL], others.means()[ALL]
    return {
        "level": cfg.intervals,
        "delta": cfg.interval_delta,
        "images": {"fitted": count // 2, "calibrated": count - count // 2, "scored": len(index)},
        "coverage": whole["coverage"],
        "width": whole["width"],
        "constant_coverage": plainly["coverage"],
        "constant_width": plainly["width"],
        "by_brightness": {n: row for n, row in found.means().items() if n in BRIGHTNESS},
        "by_class": {n: row for n, row in found.means().items() if n in data.class_names},
        "checkpoint": str(directory / CALIBRATED),
    }


class _Counts:
    """Pixels, those inside of their intervals, and the sum of widths: of parts by their names."""

    def __init__(self) -> None:
        self.sums: defaultdict[str, Tensor] = defaultdict(lambda: torch.zeros(3).double())

    def add(self, images: Images, bounds: tuple[Tensor, Tensor]) -> None:
        """Count the pixels of a batch, all of them and by the clean pixel's brightness."""
        clean, (lower, upper) = images.clean, bounds
        inside = (clean >= lower) & (clean <= upper)
        ones = torch.ones_like(clean)
        self.last = torch.stack([ones, inside.float(), upper - lower]).double()  # 3 B C H W
        self.sums[ALL] += self.last.flatten(1).sum(1).cpu()
        for name, (low, high) in BRIGHTNESS.items():
            self.sums[name] += self.last[:, (clean > low) & (clean <= high)].sum(1).cpu()

    def add_classes(self, names: tuple[str, ...], label: Tensor) -> None:
        """Count the pixels of the last batch by class."""
        for number, name in enumerate(names):
            self.sums[name] += self.last[:, label == number].flatten(1).sum(1).cpu()

    def means(self) -> dict[str, dict[str, float]]:
        """Return "share" of all pixels, "coverage" and "width" of the parts that have pixels."""
        total = self.sums[ALL][0]
        return {
            name: {"share": (n / total).item(), "coverage": (i / n).item(), "width": (w / n).item()}
            for name, (n, i, w) in self.sums.items()
            if n
        }


def _draw(
    directory: Path,
    data: ImageDataModule,
    calibration: Calibration,
    restore: Restore,
    index: Tensor,
) -> None:
    """Draw the first scored image of each class with its intervals, and what they miss."""
    examples = data.examples("test", per_class=1).to(index.device)
    batch = data.eval_batch("test", examples[examples < len(index)])
    restored = restore(batch.noisy)
    lower, upper = calibration.bounds(batch.noisy, restored)
    rows = {
        "clean": batch.clean,
        "restored": restored,
        "lower": lower,
        "upper": upper,
        f"width\n(x {WIDER})": WIDER * (upper - lower),
        "outside": ((batch.clean < lower) | (batch.clean > upper)).float(),
    }
    figure = figures.strip(rows, figures.titles(data.class_names, batch.label))
    figures.save(figure, directory / "intervals.png")
