"""The estimate of a picture's noise, and the measures of the residual."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.ndimage import gaussian_filter
from scipy.stats import norm
from skimage import data
from skimage.restoration import estimate_sigma

from estimation.noise_level import clipped_moments, estimate_std
from restoration.residual import residual_of
from tests.helpers.models import new_data

STDS = [0.05, 0.1, 0.2, 0.3, 0.5]


def photographs() -> list[np.ndarray]:
    """Return the photographs in scikit-image's wheel, C H W in [0, 1]."""
    grey = [picture[None] for picture in (data.camera(), data.coins(), data.moon())]
    colour = [np.moveaxis(picture, -1, 0) for picture in (data.astronaut(), data.coffee())]
    return [picture[:, :300, :300] / 255 for picture in (*grey, *colour)]


def with_noise(clean: np.ndarray, std: float, seed: int = 0) -> np.ndarray:
    """Add noise, clip and round, as in a file of 8 bits."""
    noisy = clean + std * np.random.default_rng(seed).standard_normal(clean.shape)
    return np.asarray(np.rint(noisy.clip(0, 1) * 255) / 255, np.float32)


def ratios(pictures: list[np.ndarray], std: float) -> np.ndarray:
    found = [estimate_std(with_noise(clean, std, seed)) for seed, clean in enumerate(pictures)]
    assert None not in found
    return np.array(found) / std


@pytest.mark.parametrize("std", [0.05, 0.5, 2.0])
@pytest.mark.parametrize("clean", [0.0, 0.1, 0.5, 1.0])
def test_clipped_moments_are_the_integrals(clean: float, std: float) -> None:
    def moment(power: int, center: float) -> float:
        inside, _ = quad(lambda z: (z - center) ** power * norm.pdf(z, clean, std), 0, 1)
        below, above = norm.cdf(0, clean, std), norm.sf(1, clean, std)
        return float(inside + (-center) ** power * below + (1 - center) ** power * above)

    mean, variance = clipped_moments(np.array([clean]), std)
    assert mean[0] == pytest.approx(moment(1, 0), abs=1e-6)
    assert variance[0] == pytest.approx(moment(2, mean[0]), abs=1e-6)


@pytest.mark.parametrize("std", STDS)
def test_on_photographs(std: float) -> None:
    """If half of a picture is fine texture, the estimate of weak noise is too high."""
    off = np.abs(ratios(photographs(), std) - 1)
    assert off.mean() < (0.08 if std < 0.1 else 0.04)
    assert off.max() < (0.15 if std < 0.1 else 0.1)


@pytest.mark.parametrize("std", STDS)
def test_on_single_small_images(std: float) -> None:
    """The images have 28 x 28 pixels, and a large part of them is black."""
    images, _ = new_data().load(test=False)
    off = ratios([image.numpy() / 255 for image in images[:60]], std) - 1
    assert abs(off.mean()) < 0.15
    assert (np.abs(off) < 0.25).mean() >= 0.85


@pytest.mark.parametrize("std", STDS)
def test_on_fashion_mnist(std: float, fashion_mnist_root: Path) -> None:
    folder = fashion_mnist_root / "FashionMNIST" / "raw"
    plain, packed = (folder / f"t10k-images-idx3-ubyte{end}" for end in ("", ".gz"))
    content = plain.read_bytes() if plain.exists() else gzip.decompress(packed.read_bytes())
    clean = np.frombuffer(content, np.uint8, 100 * 28 * 28, offset=16).reshape(100, 28, 28) / 255
    off = ratios([image[None] for image in clean[:60]], std) - 1
    assert abs(off.mean()) < (0.2 if std < 0.1 else 0.13)
    assert (np.abs(off) < 0.25).mean() >= (0.7 if std < 0.1 else 0.9)
    sheet = clean.reshape(10, 10, 28, 28).swapaxes(1, 2).reshape(1, 280, 280)
    assert ratios([sheet], std)[0] == pytest.approx(1, abs=0.15)


def test_clipping_is_taken_account_of() -> None:
    """scikit-image's estimate is as good without clipping, and too low if much is clipped."""
    grey = 0.3 + 0.4 * data.camera()[:300, :300] / 255
    noisy = with_noise(grey, 0.05)
    assert estimate_std(noisy[None]) == pytest.approx(0.05, rel=0.05)
    assert estimate_sigma(noisy) == pytest.approx(0.05, rel=0.1)
    noisy = with_noise(np.round(grey), 0.4)  # black and white
    assert estimate_std(noisy[None]) == pytest.approx(0.4, rel=0.15)
    assert estimate_sigma(noisy) < 0.3


def test_where_it_cannot_be_told() -> None:
    random = np.random.default_rng(0)
    for picture in (
        np.zeros((1, 50, 50)),
        np.ones((3, 50, 50)),
        random.random((1, 4, 1000)),  # too narrow
        random.random((1, 9, 9)),  # too small
        np.indices((1, 50, 50)).sum(0) % 2,  # steps that are larger than those of any noise
    ):
        assert estimate_std(picture.astype(np.float32)) is None
    assert estimate_std(np.full((3, 50, 50), 0.5, np.float32)) == 0


def test_what_a_right_denoiser_takes_away_looks_like_noise() -> None:
    clean = photographs()[3]
    for std in (0.1, 0.5):
        noisy = with_noise(clean, std)
        found = residual_of(noisy, clean.astype(np.float32), std)
        assert found.strength == pytest.approx(1, abs=0.02)
        assert found.mean == pytest.approx((noisy - clean).mean(), abs=1e-6)
        assert found.std == pytest.approx((noisy - clean).std(), abs=1e-6)
        # The mean that clipping adds is known, so it is not mistaken for a part of the picture.
        assert found.explained_mean == pytest.approx(found.mean, abs=0.002)
        assert abs(found.mean) > 0.004
        assert max(abs(found.across), abs(found.down)) < 1.5 * found.white
        assert found.white == pytest.approx(1.96 / np.sqrt(clean.size))


def test_what_a_blur_takes_away_still_shows_the_picture() -> None:
    clean = data.camera()[None, :300, :300] / 255
    noisy = with_noise(clean, 0.05)
    for axis, name in ((2, "across"), (1, "down")):  # the axis of the blur
        blurred = gaussian_filter(clean, 4, axes=axis).astype(np.float32)
        found = residual_of(noisy, blurred, 0.05)
        assert getattr(found, name) > 0.3
        assert found.strength is not None
        assert found.strength > 1.2


def test_autocorrelation_is_numpys() -> None:
    """For unknown noise it is Pearson's correlation, apart from the ends of the rows."""
    residual = gaussian_filter(np.random.default_rng(0).normal(size=(1, 200, 200)), (0, 0.5, 1))
    found = residual_of(residual.astype(np.float32), np.zeros((1, 200, 200), np.float32), None)
    across = np.corrcoef(residual[..., 1:].ravel(), residual[..., :-1].ravel())[0, 1]
    down = np.corrcoef(residual[:, 1:].ravel(), residual[:, :-1].ravel())[0, 1]
    assert (found.across, found.down) == pytest.approx((across, down), abs=0.01)
    assert across > down + 0.3
    assert found.strength is found.explained_mean is None


def test_nothing_taken_away_is_no_structure() -> None:
    for shape in ((1, 1, 1), (3, 20, 20)):
        same = np.full(shape, 0.3, np.float32)
        found = residual_of(same, same, None)
        assert found[:2] == (0, 0)
        assert (found.across, found.down) == (0, 0)
        assert residual_of(same, same, 0.0).strength == pytest.approx(0, abs=0.1)
