"""Intervals around the pixels of restored pictures, as eval.py has calibrated them.

C channels, H x W pixels, P planes.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from omegaconf import OmegaConf

from cli.config import build
from datamodules.noise import Blind, Gaussian, Noise
from datamodules.value_range import ValueRange
from denoisers.checkpoint import read_checkpoint
from denoisers.intervals.calibration import Calibration, calibrations_of
from groundwork.files import whole_file
from restoration.about import Metadata
from restoration.inputs import Task
from restoration.samples import Kind
from restoration.settings import Settings
from restoration.trained_on import SLACK
from restoration.writing import write_picture

if TYPE_CHECKING:  # matplotlib takes half a second, and is needed for a map alone
    from matplotlib.figure import Figure

CLOSE = 0.05  # of a level: how far a given sigma may be off. Estimates may be off by `SLACK`.
SIDE = 7  # inches, of the larger side of a map
COLOURS = "magma"


@dataclass(frozen=True)
class About:
    """What a report says of a picture's intervals.

    Attributes:
        task: The picture and its files.
        calibration: Whose intervals they are.
        width: Their mean width, from black (0) to white (1).
        fits: Whether the picture has the size of those that calibrated them.
        checked: Whether its noise was compared with theirs.
    """

    task: Task
    calibration: Calibration
    width: float
    fits: bool
    checked: bool

    def as_dict(self) -> dict[str, Any]:
        found = self.calibration
        files = {path.name.split(".")[-2]: str(path) for path in self.task.ends}
        kept = found.model_dump(mode="json", exclude={"widths"})
        return {**files, "mean_width": self.width, "calibration": kept}

    def as_text(self) -> str:
        found = self.calibration
        _, height, width = found.image_shape
        return (
            f"Intervals: mean width {self.width:.4f}. With probability {1 - found.delta:g} over "
            f"the {found.images:,} images that calibrated them, at most {1 - found.level:.4g} of a "
            "picture's pixels lie outside, in expectation over pictures from the same distribution "
            f"({width} x {height} pixels, with {noise_of(found)})."
        )

    @property
    def warnings(self) -> list[str]:
        found = []
        if not self.fits:
            _, height, width = self.calibration.image_shape
            found.append(
                f"The intervals were calibrated on pictures of {width} x {height} pixels: their "
                "guarantee does not hold for this one."
            )
        if not self.checked:
            found.append(
                f"The intervals are for {noise_of(self.calibration)}, whose strength in a picture "
                "cannot be estimated: nothing has checked that this one has it."
            )
        return found


class Intervals:
    """The calibrations of a checkpoint at the level that is asked for.

    Args:
        given: The settings of denoise.py, with `intervals`.

    Raises:
        ValueError: The checkpoint has none, or is none.
        FileNotFoundError: There is no such file.
    """

    def __init__(self, given: Settings) -> None:
        self.checkpoint = given["checkpoint"]
        self.level = given["intervals"]
        self.told = given["sigma"] is not None
        every = calibrations_of(read_checkpoint(self.checkpoint, keep=True).run)
        self.calibrations = [
            found
            for found in every
            if found.level == self.level and found.symmetries == given["symmetries"]
        ]
        if not every:
            raise ValueError(f"intervals={self.level}: {uncalibrated(self.checkpoint, self.level)}")
        if not self.calibrations:
            kinds = {f"intervals={c.level} symmetries={c.symmetries}": None for c in every}
            raise ValueError(
                f"intervals={self.level} symmetries={given['symmetries']}: {self.checkpoint} is "
                f"calibrated for {', '.join(kinds)} alone"
            )

    def for_noise(self, std: float | None) -> tuple[Calibration, bool]:
        """Choose the calibration whose noise is nearest.

        Noise other than Gaussian has a strength that no estimate tells. If a checkpoint is
        calibrated for one such noise alone, its intervals are taken.

        Args:
            std: The picture's noise, given or estimated. None if it is unknown.

        Returns:
            The calibration, and whether the noise was compared with its own.

        Raises:
            ValueError: There is none for noise of this strength.
        """
        slack = CLOSE if self.told else SLACK
        near: list[tuple[float, int, Calibration]] = []
        for found in self.calibrations:
            noise = noise_of(found)
            if isinstance(noise, Gaussian | Blind):
                low, high = noise.levels
                if std and (1 - slack) * low <= std <= (1 + slack) * high:
                    level = min(max(std, low), high)
                    near.append((abs(math.log(std / level)), len(near), found))
            elif len(self.calibrations) == 1:
                return found, False
        if near:
            return min(near)[2], True
        raise ValueError(
            f"intervals={self.level}: the standard deviation of its noise "
            f"{_strength(std, self.told)}, and {self.checkpoint} is calibrated for "
            f"{' and '.join(str(noise_of(found)) for found in self.calibrations)}: calibrate it "
            "for this noise by eval.py, or give sigma= if you know the noise better"
        )


class Ends:
    """The lower and the upper ends of a file's intervals, gathered plane by plane, and written.

    Args:
        wanted: The intervals.
        task: The picture and its files.
        pixels: The file's samples, P C H W.
        values: Which of them are black and white.
    """

    def __init__(
        self, wanted: Intervals, task: Task, pixels: np.ndarray, values: ValueRange
    ) -> None:
        self.wanted, self.task, self.values = wanted, task, values
        self.lower, self.upper = np.empty_like(pixels), np.empty_like(pixels)
        self.widths: list[float] = []
        whole = pixels.dtype.kind != "f"
        self.half_step = 0.5 / abs(values.high - values.low) if whole else 0.0

    def add(
        self, plane: np.ndarray, noisy: np.ndarray, restored: np.ndarray, std: float | None
    ) -> None:
        """Find the intervals of a plane.

        Numbers of a file are rounded outwards, so that no pixel leaves its interval by it.

        Args:
            plane: Its samples in the file, with transparency.
            noisy, restored: float32 C H W in [0, 1].
            std: Of its noise.

        Raises:
            ValueError: The intervals are not for noise of this strength.
        """
        self.calibration, self.checked = self.wanted.for_noise(std)
        both = (torch.from_numpy(picture)[None] for picture in (noisy, restored))
        lower, upper = (end[0].numpy() for end in self.calibration.bounds(*both))
        number, channels = len(self.widths), len(noisy)
        for ends, end, shift in ((self.lower, lower, -1), (self.upper, upper, 1)):
            shifted = (end + np.float32(shift * self.half_step)).clip(0, 1)
            ends[number, :channels] = self.values.stored(shifted, plane.dtype)
            ends[number, channels:] = plane[channels:]
        self.widths.append(float((upper - lower).mean(dtype=np.float64)))
        if number == len(self.lower) // 2:
            self.shown = (upper - lower).mean(0)

    def write(self, kind: Kind, metadata: Metadata) -> None:
        """Write both pictures, and the map of the widths of the middle plane.

        Raises:
            OSError: A file cannot be written.
        """
        lower, upper, widths = self.task.ends
        write_picture(lower, self.lower, kind, metadata)
        write_picture(upper, self.upper, kind, metadata)
        content = io.BytesIO()
        width_map(self.shown).savefig(content, dpi=150)
        with whole_file(widths) as file:
            file.write(content.getbuffer())

    @property
    def about(self) -> About:
        width = sum(self.widths) / len(self.widths)
        fits = self.lower.shape[2:] == self.calibration.image_shape[1:]
        return About(self.task, self.calibration, width, fits, self.checked)


def width_map(widths: np.ndarray) -> Figure:
    """Draw the width of each pixel's interval in colour, with a scale: H W in [0, 1]."""
    from matplotlib.figure import Figure

    height, width = widths.shape
    inches = SIDE / max(height, width)
    figure = Figure(figsize=(width * inches + 1.5, height * inches + 0.6), layout="constrained")
    axis = figure.subplots()
    top = max(float(widths.max()), 1e-3)
    drawn = axis.imshow(widths, cmap=COLOURS, vmin=0, vmax=top, interpolation="nearest")
    axis.set_axis_off()
    figure.colorbar(drawn, ax=axis, label="width of the interval (black to white is 1)")
    return figure


def noise_of(calibration: Calibration) -> Noise:
    noise: Noise = build(OmegaConf.create(calibration.noise), "noise")
    return noise


def uncalibrated(checkpoint: str, level: float | None) -> str:
    """Say how to calibrate a checkpoint."""
    photographs = " data=folder data.channels=3 data.root=photos/"
    more = "" if checkpoint.endswith((".ckpt", ".safetensors")) else photographs
    return (
        f"{checkpoint} is not calibrated: python eval.py checkpoint={checkpoint}{more} "
        f"intervals={level} writes calibrated.safetensors, which is"
    )


def _strength(std: float | None, told: bool) -> str:
    if not std:
        return "cannot be estimated" if std is None else "is 0"
    return f"is {'given' if told else 'estimated'} as {std:.3f}"
