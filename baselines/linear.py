"""Linear methods that learn from training images: projections, and the best affine map.

N images of D = C * H * W values, as N x D.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

ROWS = 5_000  # images at a time, to save memory; the sums are in double precision
LEAST = torch.finfo(torch.float64).tiny  # the least divisor, for images that are all the same


@dataclass(frozen=True)
class Affine:
    """An affine map of whole images: B C H W -> B C H W.

    Attributes:
        centre: D values that are subtracted first.
        weights: D x D, multiplied from the right.
        offset: D values that are added last.
    """

    centre: Tensor
    weights: Tensor
    offset: Tensor

    def __call__(self, images: Tensor) -> Tensor:
        centred = images.flatten(1) - self.centre.float()
        return (centred @ self.weights.float() + self.offset.float()).view_as(images)


def projections(images: Tensor) -> Callable[[int], Affine]:
    """Fit projections onto the mean and the first principal components (Pearson 1901).

    Args:
        images: N x D.

    Returns:
        The projection for a rank. For ranks of D and more it is the identity.
    """
    mean, _, covariance = moments(images, images)
    _, ascending = torch.linalg.eigh(covariance)

    def of_rank(rank: int) -> Affine:
        components = ascending.flip(1)[:, :rank]
        return Affine(mean, components @ components.T, mean)

    return of_rank


def regressions(noisy: Tensor, clean: Tensor) -> Callable[[float], Affine]:
    """Fit the affine map from noisy to clean images with the least squared error.

    It is Wiener's (1949) filter in its general form, without the assumption that images are
    stationary, so each pixel has its own weights. A ridge is added to the covariance. It keeps the
    weights small if there are few training images (Hoerl and Kennard 1970).

    Args:
        noisy: N x D.
        clean: N x D.

    Returns:
        The map for a ridge, in units of a noisy pixel's mean variance.
    """
    noisy_mean, clean_mean, cross = moments(noisy, clean)
    _, _, covariance = moments(noisy, noisy)
    # One factorisation serves all ridges.
    values, vectors = torch.linalg.eigh(covariance)
    rotated = vectors.T @ cross

    def of_ridge(ridge: float) -> Affine:
        damped = (values.clamp(min=0) + ridge * values.mean()).clamp(min=LEAST)
        return Affine(noisy_mean, vectors @ (rotated / damped[:, None]), clean_mean)

    return of_ridge


def moments(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Compute the means of two sets of rows and their covariance, in double precision.

    Args:
        left: float32 N x D.
        right: float32 N x E.

    Returns:
        The means D and E, and the covariance D x E.
    """
    mean_left = left.mean(0, dtype=torch.float64)
    mean_right = right.mean(0, dtype=torch.float64)
    total = torch.zeros(left.shape[1], right.shape[1], dtype=torch.float64)
    for a, b in zip(left.split(ROWS), right.split(ROWS), strict=True):
        total += (a - mean_left.float()).T @ (b - mean_right.float())
    return mean_left, mean_right, total / len(left)
