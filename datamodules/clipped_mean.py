"""Means of noisy values that are cut to [0, 1].

Clean values have any shape and lie in [0, 1]. Each function returns a tensor of that shape.
"""

import math

import numpy as np
import torch
from torch import Tensor

NODES = 64  # of the quadrature over a range of standard deviations
MANY_PHOTONS = 1_000  # whose number is as good as normal: the mean is off by less than 1e-4


def gaussian(clean: Tensor, std: Tensor | float) -> Tensor:
    """Return the mean of clipped Gaussian noise, of a `std` above 0 (Foi 2009).

    Cut to [0, 1], z is max(z, 0) - max(z - 1, 0), whose means are known.
    """
    return _normal_above(clean, std) - _normal_above(clean - 1, std)


def gaussian_over_range(clean: Tensor, low: float, high: float) -> Tensor:
    """Return the mean of `gaussian` over equally likely standard deviations in [low, high].

    It is a Gauss-Legendre quadrature.
    """
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    stds = low + (high - low) * (nodes + 1) / 2
    mean = torch.zeros_like(clean)
    for std, weight in zip(stds.tolist(), weights.tolist(), strict=True):
        mean += weight / 2 * (gaussian(clean, std) if std > 0 else clean)
    return mean


def poisson(clean: Tensor, peak: float) -> Tensor:
    """Return the mean of clipped Poisson(peak * clean) / peak.

    Counts up to the peak contribute rate * P(count < peak). All larger counts are cut to the peak.
    """
    rate, most = peak * clean.double(), torch.tensor(math.floor(peak)).double()
    up_to = torch.special.gammaincc(most + 1, rate)  # P(count <= most)
    exactly = (torch.special.xlogy(most, rate) - rate - torch.lgamma(most + 1)).exp()
    return (clean * (up_to - exactly) + (1 - up_to)).to(clean.dtype)


def poisson_gaussian(clean: Tensor, peak: float, std: float) -> Tensor:
    """Return the mean of Poisson(peak * clean) / peak plus normal noise, cut afterwards.

    It is the sum over all counts, so it takes memory in proportion to their number.
    """
    if peak > MANY_PHOTONS:
        return gaussian(clean, (clean / peak + std**2).sqrt())
    rate = peak * clean.double()[..., None]
    counts = torch.arange(math.ceil(peak + 10 * math.sqrt(peak) + 30)).to(rate)
    chance = (torch.special.xlogy(counts, rate) - rate - torch.lgamma(counts + 1)).exp()
    return (chance @ gaussian(counts / peak, std)).to(clean.dtype)


def from_table(means: Tensor, clean: Tensor) -> Tensor:
    """Interpolate means that are known at evenly spaced levels from 0 to 1, which `means` lists."""
    position = clean * (len(means) - 1)
    below = position.long().clamp(max=len(means) - 2)
    means = means.to(clean)
    return means[below].lerp(means[below + 1], position - below)


def uniform(clean: Tensor, half_width: float) -> Tensor:
    """Return the mean of clipped uniform noise on [-half_width, half_width], above 0.

    It is the clean value, plus the mean of what is cut at black, minus that at white.
    """
    below = (half_width - clean).clamp(min=0).square()
    above = (half_width - (1 - clean)).clamp(min=0).square()
    return clean + (below - above) / (4 * half_width)


def _normal_above(mean: Tensor, std: Tensor | float) -> Tensor:
    """Return E[max(z, 0)] of a normal variable z: mean * cdf(ratio) + std * pdf(ratio)."""
    ratio = mean / std
    density = (-ratio.square() / 2).exp() / math.sqrt(2 * math.pi)
    return mean * torch.special.ndtr(ratio) + std * density
