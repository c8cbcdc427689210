"""Intervals hold as often as they say, and say so by bounds that others have published."""

import math

import pytest
import torch
from torch import Tensor

from denoisers.intervals.calibration import calibrate, scaled_bounds, shares_missed
from denoisers.intervals.risk import SCALES, ensured, fewest_images, scale_that_holds
from denoisers.intervals.widths import Images, Widths, fit
from tests.helpers.models import new_generator

LEVEL, DELTA = 0.9, 0.1


def pictures(count: int, seed: int) -> Images:
    """Images whose error grows with the brightness, and more in some images than in others."""
    random = new_generator(seed)
    restored = torch.rand(count, 1, 8, 8, generator=random)
    strength = 0.01 + 0.3 * restored**2 * torch.rand(count, 1, 1, 1, generator=random)
    clean = restored + strength * torch.randn(restored.shape, generator=random)
    noisy = clean + 0.3 * torch.randn(restored.shape, generator=random)
    return Images(noisy, restored, clean.clamp(0, 1))


def share_outside(images: Images, bounds: tuple[Tensor, Tensor]) -> Tensor:
    """Return the share of each image's pixels outside, counted one by one: N."""
    lower, upper = bounds
    outside = (images.clean < lower) | (images.clean > upper)
    return outside.float().flatten(1).mean(1)


def published_bound(losses: list[float], delta: float) -> float:
    """Proposition 5 of Bates et al. (2021), as it is printed there, by bisection over the mean."""

    def capital(most: float) -> float:
        largest, product, total, squares = -math.inf, 1.0, 0.0, 0.0
        variance = 0.25
        for number, loss in enumerate(losses, 1):
            bet = min(1.0, math.sqrt(2 * math.log(1 / delta) / (len(losses) * variance)))
            product *= 1 - bet * (loss - most)
            largest = max(largest, product)
            total += loss
            mean = (0.5 + total) / (1 + number)
            squares += (loss - mean) ** 2
            variance = (0.25 + squares) / (1 + number)
        return largest

    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if capital(middle) > 1 / delta else (middle, high)
    return high


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("delta", [0.05, 0.3])
def test_the_bound_is_the_published_one(seed: int, delta: float) -> None:
    random = new_generator(seed)
    losses = torch.rand(60, generator=random) ** 3
    bound = published_bound(losses.tolist(), delta)
    assert losses.mean() < bound < 1
    assert ensured(losses, bound + 1e-6, delta)
    assert not ensured(losses, bound - 1e-6, delta)


def test_the_fewest_images_are_just_enough() -> None:
    fewest = fewest_images(0.1, 0.1)
    assert published_bound([0.0] * fewest, 0.1) <= 0.1 < published_bound([0.0] * (fewest - 1), 0.1)


def test_the_smallest_scale_down_to_the_first_that_fails_is_taken() -> None:
    missed = torch.zeros(100, len(SCALES))
    missed[:, 500] = 1.0  # although smaller scales would miss nothing
    assert scale_that_holds(missed, 0.1, 0.1) == SCALES[501]
    assert scale_that_holds(torch.ones(100, len(SCALES)), 0.1, 0.1) is None


def test_shares_missed_are_those_of_the_intervals() -> None:
    images = pictures(5, seed=0)
    widths, constant = fit([images], images.clean.numel(), 1 - LEVEL)
    both = shares_missed([images], [widths, constant])
    for kind, shares in zip((widths, constant), both, strict=True):
        for number in (50, 400, 600):
            bounds = scaled_bounds(kind, SCALES[number].item(), images.noisy, images.restored)
            assert torch.allclose(shares[:, number], share_outside(images, bounds), atol=1e-6)
    assert not torch.allclose(both[0], both[1])


def test_the_guarantee_holds_in_as_many_splits_as_it_says() -> None:
    """The true risk, from many more images, exceeds 1 - level in a share of at most delta."""
    splits, count = 100, 200
    fitted = pictures(200, seed=1)
    widths, _ = fit([fitted], fitted.clean.numel(), 1 - LEVEL)
    many = pictures(10_000, seed=2)
    risk = shares_missed([many], [widths])[0].double().mean(0)  # by scale
    pool = shares_missed([pictures(splits * count, seed=3)], [widths])[0]
    scales = [scale_that_holds(part, 1 - LEVEL, DELTA) for part in pool.split(count)]
    found = [SCALES.tolist().index(scale) for scale in scales if scale is not None]
    assert len(found) == splits
    exceeded = (risk[found] > 1 - LEVEL).double().mean().item()
    error = math.sqrt(DELTA * (1 - DELTA) / splits)
    assert exceeded <= DELTA + 2 * error
    assert risk[found].mean() > 0.6 * (1 - LEVEL)  # not by intervals that are needlessly wide


def test_calibrated_intervals_hold_and_are_narrower_than_constant_ones() -> None:
    held_out, others = pictures(2000, seed=4), pictures(4000, seed=5)

    def images(index: Tensor) -> list[Images]:
        return [Images(*(part[rows] for part in held_out)) for rows in index.split(300)]

    mean_widths = []
    for widths, scale in calibrate(images, 2000, LEVEL, DELTA, seed=0):
        lower, upper = scaled_bounds(widths, scale, others.noisy, others.restored)
        assert lower.min() >= 0
        assert upper.max() <= 1
        assert abs(share_outside(others, (lower, upper)).mean() - (1 - LEVEL)) < 0.01
        mean_widths.append((upper - lower).mean().item())
    assert mean_widths[0] < 0.95 * mean_widths[1]
    assert calibrate(images, 2000, LEVEL, DELTA, seed=0) == calibrate(images, 2000, LEVEL, DELTA, 0)


def test_too_few_images_are_refused_with_the_number_that_is_needed() -> None:
    fewest = fewest_images(1 - LEVEL, DELTA)
    with pytest.raises(ValueError, match=f"at least {fewest} have to: set data.val_size"):
        calibrate(lambda index: [], 10, LEVEL, DELTA, seed=0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"weights": [1.0]},
        {"knots": []},
        {"knots": [1.0, 0.0]},
        {"lower": [0.1, -0.1]},
        {"upper": [0.1, math.nan]},
        {"upper": [0.1]},
    ],
)
def test_widths_that_are_none_are_refused(wrong: dict[str, list[float]]) -> None:
    right = {"weights": [], "knots": [0.0, 1.0], "lower": [0.1, 0.2], "upper": [0.1, 0.2]}
    Widths.model_validate(right)
    with pytest.raises(ValueError, match="validation error"):
        Widths.model_validate(right | wrong)
