"""What each measure of a result is called and how it is written, for all tables, plots and files.

This file imports nothing heavy: comparing runs needs no torch.
"""

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
        by_image: Whether tables of single images and of classes show it too.
    """

    title: str
    axis: str
    form: str = ".4f"
    least_side: int | None = None
    by_image: bool = False


# In the order of the tables.
MEASURES = {
    "psnr": Measure("PSNR (dB)", "PSNR (dB)", ".2f", least_side=1, by_image=True),
    "ssim": Measure("SSIM", "SSIM", ".4f", least_side=11, by_image=True),
    "mse": Measure("MSE", "mean squared error", ".5f", least_side=1),
    "mae": Measure("MAE", "mean absolute error", ".5f", least_side=1),
    "accuracy": Measure("accuracy", "accuracy", ".2%"),
    "loss": Measure("loss", "loss (per image)"),
    "cross_entropy": Measure("cross entropy", "cross-entropy (nats)"),
    "reconstruction": Measure("reconstruction", "reconstruction (nats per image)"),
    "kl": Measure("kl", "KL divergence (nats per image)"),
    "active_units": Measure("active units", "active latent units"),
}
BY_IMAGE = tuple(name for name, measure in MEASURES.items() if measure.by_image)


def between_images(image_shape: tuple[int, ...]) -> list[str]:
    """The measures that compare images of a shape C H W."""
    side = min(image_shape[1:])
    return [name for name, m in MEASURES.items() if m.least_side and side >= m.least_side]


def title_of(name: str) -> str:
    """A measure's name in tables; that of an unknown one is its own."""
    return MEASURES[name].title if name in MEASURES else name.replace("_", " ")


def in_order(names: set[str]) -> list[str]:
    """The names of measures in the order of the tables, unknown ones last."""
    return [*(name for name in MEASURES if name in names), *sorted(names - MEASURES.keys())]
