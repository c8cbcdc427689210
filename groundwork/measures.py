"""What each measure of a result is called and how it is written, for all tables, plots and files.

This file imports nothing heavy: comparing runs needs no torch.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

NOISY = "noisy_"  # before the name of a measure of the noisy input


class Measure(NamedTuple):
    """One measure.

    Attributes:
        title: Its name in tables, with the unit.
        axis: Its name on the axis of a plot.
        form: How its numbers are written in tables.
        least_side: Height and width in pixels that an image needs, where the measure compares a
            restored image to the clean one; `denoisers.metrics` has its function. None for others.
        by_image: Whether it is also shown for single images, classes and levels of the noise, and
            compared between runs.
        by_choice: Whether it is measured only where `extra_metrics` of eval.py asks for it.
        higher_is_better: Whether a larger number is a better one.
    """

    title: str
    axis: str
    form: str = ".4f"
    least_side: int | None = None
    by_image: bool = False
    by_choice: bool = False
    higher_is_better: bool = True


# In the order of the tables.
MEASURES = {
    "psnr": Measure("PSNR (dB)", "PSNR (dB)", ".2f", least_side=1, by_image=True),
    "ssim": Measure("SSIM", "SSIM", ".4f", least_side=11, by_image=True),
    "mse": Measure("MSE", "mean squared error", ".5f", least_side=1, higher_is_better=False),
    "mae": Measure("MAE", "mean absolute error", ".5f", least_side=1, higher_is_better=False),
    "gmsd": Measure(
        "GMSD",
        "gradient magnitude similarity deviation",
        least_side=6,  # a 3 x 3 window of the halved image
        by_image=True,
        by_choice=True,
        higher_is_better=False,
    ),
    "accuracy": Measure("accuracy", "accuracy", ".2%"),
    "loss": Measure("loss", "loss (per image)", higher_is_better=False),
    "cross_entropy": Measure("cross entropy", "cross-entropy (nats)", higher_is_better=False),
    "reconstruction": Measure(
        "reconstruction", "reconstruction (nats per image)", higher_is_better=False
    ),
    "kl": Measure("kl", "KL divergence (nats per image)", higher_is_better=False),
    "active_units": Measure("active units", "active latent units"),
}
BY_IMAGE = tuple(name for name, measure in MEASURES.items() if measure.by_image)


def between_images(image_shape: tuple[int, ...], extra: Collection[str] = ()) -> list[str]:
    """Return the measures that compare images of a shape C H W, those by choice if in `extra`."""
    side = min(image_shape[1:])
    return [
        name
        for name, measure in MEASURES.items()
        if measure.least_side
        and side >= measure.least_side
        and (name in extra or not measure.by_choice)
    ]


def by_image(measured: Collection[str]) -> list[str]:
    """Return the measures that are shown by image, those by choice if they were measured."""
    return [name for name in BY_IMAGE if name in measured or not MEASURES[name].by_choice]


def title_of(name: str) -> str:
    """Return what tables call a measure. An unknown one goes by its own name."""
    return MEASURES[name].title if name in MEASURES else name.replace("_", " ")


def is_better_higher(name: str) -> bool:
    """Return whether a larger number is better. Of unknown measures, only losses are not."""
    if name in MEASURES:
        return MEASURES[name].higher_is_better
    return not name.endswith("loss")


def best_row(rows: Sequence[Mapping[str, float]], monitor: str) -> Mapping[str, float]:
    """Return the first of the rows that is best by a monitored metric, such as "val/psnr"."""
    sign = 1 if is_better_higher(monitor.partition("/")[2]) else -1
    return max(rows, key=lambda row: sign * row[monitor])


def in_order(names: set[str]) -> list[str]:
    """Return names of measures in the order of the tables, unknown ones last."""
    return [*(name for name in MEASURES if name in names), *sorted(names - MEASURES.keys())]
