"""Over how many pixels noise is shared, against noise that was made so."""

import numpy as np
import pytest
from scipy.ndimage import convolve1d  # type: ignore[import-untyped]

from estimation.noise_correlation import FARTHEST, noise_correlation
from tests.helpers.pictures import photograph


def noise(*averaged: int) -> np.ndarray:
    """Return noise of std 0.1, averaged over so many pixels down and across."""
    made = np.random.default_rng(0).standard_normal((1, 256, 256))
    for axis, count in zip((1, 2), averaged, strict=True):
        made = convolve1d(made, np.ones(count), axis=axis, mode="wrap")
    return 0.1 * made / made.std()


@pytest.mark.parametrize("averaged", [(1, 1), (1, 3), (3, 1), (2, 4)])
def test_noise_that_is_averaged_is_shared_as_far_in_a_photograph_too(
    averaged: tuple[int, int],
) -> None:
    found = noise_correlation([photograph(1, 256, 256) + noise(*averaged)])
    assert found is not None
    # Of a mean over n pixels, values k apart share n - k of n.
    for pixels, measured in zip(averaged, found, strict=True):
        expected = [max(0, pixels - lag) / pixels for lag in range(1, FARTHEST + 1)]
        np.testing.assert_allclose(measured, expected, atol=0.12)
    assert found.reach == tuple(pixels - 1 for pixels in averaged)


def test_pictures_without_noise_or_patches_say_nothing() -> None:
    assert noise_correlation([np.zeros((1, 256, 256))]) is None
    assert noise_correlation([noise(1, 1)[:, :20, :20]]) is None
