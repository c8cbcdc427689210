"""How close restored images are to the clean ones: measured per image, averaged over images.

All functions take float images B C H W in [0, 1]. Papers report means over images, not over pooled
pixels; for PSNR the two differ by several dB.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torchmetrics import Metric, MetricCollection
from torchmetrics.functional.image import structural_similarity_index_measure
from torchmetrics.utilities import dim_zero_cat

SSIM_BORDER = 5  # half of the 11-pixel window
MAX_PSNR = 100.0  # dB, the value of a perfect image
GMSD_CONSTANT = 170 / 255**2  # the paper's, for values in [0, 1]


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


def gmsd(restored: Tensor, clean: Tensor) -> Tensor:
    """Gradient magnitude similarity deviation of each image: B, from 0, lower is better.

    As published (Xue, Zhang, Mou and Bovik 2014, and the authors' code): edges are compared in
    images of half the size, with zeros beyond their borders; the score is the standard deviation of
    the similarities. Of several channels it is the mean.
    """
    first, second = _edges(restored), _edges(clean)
    similarity = (2 * first * second + GMSD_CONSTANT) / (
        first.square() + second.square() + GMSD_CONSTANT
    )
    return similarity.flatten(2).std(2, correction=0).mean(1)


def _edges(images: Tensor) -> Tensor:
    """Prewitt's gradient magnitude of images that are averaged over 2 x 2 pixels."""
    height, width = images.shape[-2:]
    halved = F.avg_pool2d(F.pad(images, (0, width % 2, 0, height % 2)), 2)
    padded = F.pad(halved, (1, 1, 1, 1))
    across = padded.unfold(-2, 3, 1).sum(-1)
    down = padded.unfold(-1, 3, 1).sum(-1)
    return torch.hypot(across[..., 2:] - across[..., :-2], down[..., 2:, :] - down[..., :-2, :]) / 3


class PerImage(Metric):
    """Keeps the measure of every image, in the order of the updates, and computes the mean."""

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
    "gmsd": gmsd,
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
