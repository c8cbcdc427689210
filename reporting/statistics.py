"""Intervals and tests: how far a difference could be chance."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from scipy.stats import t as student

CONFIDENCE = 0.95
RESAMPLES = 2_000
BLOCK = 250  # resamples that are drawn at once, which bounds the memory


def proportion_interval(successes: int, count: int) -> tuple[float, float]:
    """Return the ends of the 95 % interval of a proportion (Wilson 1927), in [0, 1]."""
    interval = binomtest(successes, count).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided p of McNemar's (1947) test of two paired proportions, the exact form.

    Args:
        only_first: How many pairs only the first was right about.
        only_second: How many pairs only the second was right about.
    """
    discordant = only_first + only_second
    return float(binomtest(only_first, discordant).pvalue) if discordant else 1.0


def paired_intervals(differences: NDArray[Any], seed: int) -> NDArray[np.float64]:
    """Return 95 % intervals of mean differences, by the percentile bootstrap (Efron 1979).

    Args:
        differences: N x M, for N images and M comparisons, which share the resampled images.
        seed: Keys the resampling.

    Returns:
        2 x M, the lower and the upper ends.
    """
    count, _ = differences.shape
    random = np.random.default_rng(seed)
    centre = differences.mean(0)
    centred = np.asarray(differences - centre, dtype=np.float32)  # small numbers lose no digits
    row = count * np.arange(BLOCK)[:, None]
    means = []
    for _ in range(RESAMPLES // BLOCK):
        # How often each image is in each resample; the means are then one matrix product.
        drawn = (random.integers(count, size=(BLOCK, count)) + row).ravel()
        times = np.bincount(drawn, minlength=BLOCK * count).reshape(BLOCK, count)
        means.append(times.astype(np.float32) @ centred / count)
    tail = 100 * (1 - CONFIDENCE) / 2
    return np.percentile(np.concatenate(means), [tail, 100 - tail], axis=0) + centre


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of the 95 % interval of a mean (Student 1908), for two values or more."""
    mean, deviation = np.mean(values), np.std(values, ddof=1)
    reach = student.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * deviation / np.sqrt(len(values))
    return float(mean - reach), float(mean + reach)
