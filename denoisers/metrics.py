"""How close a restored image is to the clean one: measured per image, averaged over images.

All functions take float images B C H W in [0, 1]. Papers report the average over images. For PSNR
it differs by several dB from that of all pixels pooled.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torchmetrics import Metric, MetricCollection
from torchmetrics.functional.image import structural_similarity_index_measure
from torchmetrics.utilities import dim_zero_cat

SSIM_BORDER = 5  # half of the 11-pixel window
MAX_PSNR = 100.0  # dB, what a perfect image counts


def mse(restored: Tensor, clean: Tensor) -> Tensor:
    """Return the mean squared error of each image: B."""
    return (restored - clean).square().flatten(1).mean(1)


def mae(restored: Tensor, clean: Tensor) -> Tensor:
    """Return the mean absolute error of each image: B."""
    return (restored - clean).abs().flatten(1).mean(1)


def psnr(restored: Tensor, clean: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio of each image in dB, at most 100: B."""
    return (-10 * mse(restored, clean).log10()).clamp(max=MAX_PSNR)


def ssim(restored: Tensor, clean: Tensor) -> Tensor:
    """Return the structural similarity of each image: B, at most 1.

    As published (Wang, Bovik, Sheikh and Simoncelli 2004): an 11 x 11 Gaussian window of standard
    deviation 1.5, averaged over the windows that lie wholly inside the image. torchmetrics' mean
    includes the padded border, so its map is cropped here.
    """
    border = SSIM_BORDER
    # The grouped convolution inside is slow on channels-last images.
    restored, clean = restored.contiguous(), clean.contiguous()
    with torch.autocast(restored.device.type, enabled=False):
        _, similarity = structural_similarity_index_measure(
            restored, clean, data_range=1.0, reduction="none", return_full_image=True
        )
    return similarity[..., border:-border, border:-border].flatten(1).mean(1)


class PerImage(Metric):
    """Keeps a measure of every image, in the order of the updates, and computes their mean."""

    full_state_update = False
    values: list[Tensor]

    def __init__(self, measure: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.measure = measure
        self.add_state("values", default=[], dist_reduce_fx="cat")

    def update(self, restored: Tensor, clean: Tensor) -> None:
        self.values.append(self.measure(restored.float(), clean.float()))

    def per_image(self) -> Tensor:
        return dim_zero_cat(self.values)

    def compute(self) -> Tensor:
        return self.per_image().mean()


# By name of the measure, which `groundwork.measures` describes.
FUNCTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "psnr": psnr,
    "ssim": ssim,
    "mse": mse,
    "mae": mae,
}


def restoration_metrics(measures: Sequence[str], prefix: str = "") -> MetricCollection:
    """Return metrics that compare restored to clean images and keep the value of every image.

    Args:
        measures: Names in `FUNCTIONS`.
        prefix: What the metrics are called by, before these names.
    """
    metrics: dict[str, Metric | MetricCollection] = {
        name: PerImage(FUNCTIONS[name]) for name in measures
    }
    return MetricCollection(metrics, prefix=prefix, compute_groups=False)
