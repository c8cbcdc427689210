"""Linear methods that learn from training images: projections, and the best affine map.

N images of D = C * H * W values, as N x D.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

ROWS = 5_000  # that are worked on at once: memory stays small, sums of them are in double precision
LEAST = torch.finfo(torch.float64).tiny  # images that do not differ have no variance to divide by


@dataclass(frozen=True)
class Affine:
    """An affine map of whole images: B C H W -> B C H W.

    centre: D, taken away before. weights: D x D, from the right. offset: D, added after.
    """

    centre: Tensor
    weights: Tensor
    offset: Tensor

    def __call__(self, images: Tensor) -> Tensor:
        centred = images.flatten(1) - self.centre.float()
        return (centred @ self.weights.float() + self.offset.float()).view_as(images)


def projections(images: Tensor) -> Callable[[int], Affine]:
    """By rank, the projection onto the mean and the first principal components (Pearson 1901).

    images: N x D. A rank from D on is the identity.
    """
    mean, _, covariance = moments(images, images)
    _, ascending = torch.linalg.eigh(covariance)

    def of_rank(rank: int) -> Affine:
        components = ascending.flip(1)[:, :rank]
        return Affine(mean, components @ components.T, mean)

    return of_rank


def regressions(noisy: Tensor, clean: Tensor) -> Callable[[float], Affine]:
    """By ridge, the affine map from noisy to clean images with the least squared error.

    Wiener's (1949) filter in its general form: nothing is assumed stationary, each pixel has
    weights of its own. The ridge, in units of a noisy pixel's mean variance, is added to the
    covariance: it keeps the weights small where there are few training images (Hoerl and
    Kennard 1970).

    noisy, clean: N x D.
    """
    noisy_mean, clean_mean, cross = moments(noisy, clean)
    _, _, covariance = moments(noisy, noisy)
    # Factorised once for all ridges.
    values, vectors = torch.linalg.eigh(covariance)
    rotated = vectors.T @ cross

    def of_ridge(ridge: float) -> Affine:
        damped = (values.clamp(min=0) + ridge * values.mean()).clamp(min=LEAST)
        return Affine(noisy_mean, vectors @ (rotated / damped[:, None]), clean_mean)

    return of_ridge


def moments(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The means of two sets of rows and their covariance, in double precision.

    left, right: float32 N x D and N x E. Returns D, E and D x E.
    """
    mean_left = left.mean(0, dtype=torch.float64)
    mean_right = right.mean(0, dtype=torch.float64)
    total = torch.zeros(left.shape[1], right.shape[1], dtype=torch.float64)
    for a, b in zip(left.split(ROWS), right.split(ROWS), strict=True):
        total += (a - mean_left.float()).T @ (b - mean_right.float())
    return mean_left, mean_right, total / len(left)
