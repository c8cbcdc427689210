"""Intervals and tests, by hand, by scipy's own bootstrap, and by how often they are right."""

import math

import numpy as np
import pytest
from scipy import stats

from reporting.statistics import mcnemar, mean_interval, paired_intervals, proportion_interval


@pytest.mark.parametrize(("successes", "count"), [(0, 10), (3, 10), (10, 10), (8_035, 10_000)])
def test_proportion_interval_is_wilsons_formula(successes: int, count: int) -> None:
    z = 1.959963984540054
    share = successes / count
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count)
    half *= math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    assert proportion_interval(successes, count) == pytest.approx((centre - half, centre + half))


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [
        (0, 0, 1.0),
        (4, 4, 1.0),
        (5, 0, 2 / 2**5),
        (1, 7, 2 * (1 + 8) / 2**8),
        (7, 2, 2 * (1 + 9 + 36) / 2**9),
    ],
)
def test_mcnemar_is_the_binomial_tail_twice(only_first: int, only_second: int, p: float) -> None:
    assert mcnemar(only_first, only_second) == pytest.approx(p)


def test_paired_intervals_are_those_of_scipys_bootstrap() -> None:
    random = np.random.default_rng(0)
    differences = random.gamma(2.0, [0.1, 0.5, 2.0], (400, 3)) - [0.2, 1.5, 50]
    found = paired_intervals(differences, seed=1)
    assert found.shape == (2, 3)
    for column, interval in zip(differences.T, found.T, strict=True):
        expected = stats.bootstrap(
            (column,), np.mean, n_resamples=20_000, method="percentile", rng=2
        ).confidence_interval
        # An end of 2,000 resamples is off by about 0.06 standard errors.
        assert interval == pytest.approx([*expected], abs=0.25 * stats.sem(column))


def test_paired_intervals_of_two_images_by_hand() -> None:
    # Of the four equally likely resamples of 0 and 1 the means are 0, 1/2, 1/2 and 1.
    found = paired_intervals(np.array([[0.0, 100.0], [1.0, 100.0]]), seed=0)
    assert found == pytest.approx(np.array([[0.0, 100.0], [1.0, 100.0]]))


def test_paired_intervals_follow_from_the_seed_whatever_stands_beside_them() -> None:
    differences = np.random.default_rng(0).normal(0, 1, (50, 4))
    found = paired_intervals(differences, seed=3)
    assert np.array_equal(found, paired_intervals(differences, seed=3))
    assert not np.array_equal(found, paired_intervals(differences, seed=4))
    assert paired_intervals(differences[:, 1:2], seed=3) == pytest.approx(found[:, 1:2], rel=1e-4)


def covered_at_least(expected: float, trials: int) -> float:
    """Return a share that trials with this probability miss in one of 10,000 cases only."""
    return float(stats.binom.ppf(1e-4, trials, expected)) / trials


@pytest.mark.parametrize(("share", "count"), [(0.1, 100), (0.5, 60), (0.9, 500)])
def test_proportion_intervals_cover_the_truth(share: float, count: int) -> None:
    # Exactly, by the probability of each outcome: discreteness alone moves it from 95 %.
    probabilities = stats.binom.pmf(np.arange(count + 1), count, share)
    intervals = [proportion_interval(successes, count) for successes in range(count + 1)]
    covered = sum(
        p for p, (low, high) in zip(probabilities, intervals, strict=True) if low <= share <= high
    )
    assert 0.93 < covered < 0.97


def test_paired_intervals_cover_the_truth() -> None:
    trials, images = 2_000, 300
    # Skewed, with mean 1; the trials are columns, since columns have intervals of their own.
    random = np.random.default_rng(0)
    covered = 0
    for seed in range(20):  # fresh resamples, so that the trials are not all of the same ones
        samples = random.gamma(1.0, 1.0, (images, trials // 20))
        low, high = paired_intervals(samples, seed)
        covered += int(((low <= 1) & (high >= 1)).sum())
    # Of skewed samples of this size the percentile bootstrap covers about 94 %.
    assert covered_at_least(0.93, trials) < covered / trials < 0.97


@pytest.mark.parametrize("values", [[0.41, 0.47], [-0.2, 0.1, 0.05, 0.3, -0.02]])
def test_mean_interval_is_that_of_students_test(values: list[float]) -> None:
    interval = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean_interval(values) == pytest.approx((interval.low, interval.high))
