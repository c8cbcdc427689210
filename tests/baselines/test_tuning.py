"""Baselines are computed correctly and tuned fairly."""

import subprocess
import sys
from functools import cache

import numpy as np
import pytest
import torch
from scipy.ndimage import median_filter
from skimage.restoration import cycle_spin, denoise_wavelet
from torch import Tensor

from baselines import filters
from baselines.filters import BM3D, FILTERS, Filter
from baselines.linear import projections, regressions
from baselines.mean_curve import InverseMean
from baselines.tuning import Baseline, baselines, require_available
from datamodules.noise import (
    Blind,
    Dropout,
    Gaussian,
    Noise,
    Poisson,
    SaltAndPepper,
    Speckle,
    Uniform,
)
from datamodules.procedural import Procedural
from denoisers.metrics import psnr
from groundwork.batch import Batch
from groundwork.files import REPOSITORY
from tests.helpers.models import new_data

NOISE = Gaussian(std=0.5, clip=True)
LINEAR = ("PCA", "linear (Wiener)")


class Unaware(Gaussian):
    """The same noise, with a mean that ignores the bias of clipping."""

    def mean(self, clean: Tensor) -> Tensor:
        return clean


@cache
def data(noise: Gaussian = NOISE) -> Procedural:
    return new_data(noise, train_size=400, val_size=16, test_size=12)


def validation(noise: Gaussian = NOISE) -> Batch:
    return data(noise).eval_batch("val", torch.arange(16))


def scored(noise: Gaussian = NOISE) -> Batch:
    """Return images that no baseline has seen."""
    return data(noise).eval_batch("test", torch.arange(12))


def three_channels(batch: Batch) -> Batch:
    """Rearrange grey images as colour images that are half as high and wide."""
    halved = [images[..., ::2, ::2] for images in batch[:2]]
    noisy, clean = (torch.cat((x, x.flip(2), x.flip(3)), 1) for x in halved)
    return Batch(noisy, clean, batch.label)


@cache
def fitted(noise: Gaussian = NOISE) -> dict[str, Baseline]:
    found = baselines("fast", data(noise).fitting_batch, validation(noise), noise)
    return {baseline.name: baseline for baseline in found}


def score(restored: Tensor, clean: Tensor) -> float:
    return psnr(restored, clean).mean().item()


def gain(baseline: Baseline, batch: Batch) -> float:
    """Return the dB that a baseline adds to the PSNR of the noisy images."""
    restored = baseline.restore(batch.noisy)
    assert (restored.shape, restored.dtype) == (batch.noisy.shape, torch.float32)
    assert 0 <= restored.min() <= restored.max() <= 1
    return score(restored, batch.clean) - score(batch.noisy, batch.clean)


@pytest.mark.parametrize("std", [0.0, 0.1, 0.5, 20.0])
@pytest.mark.parametrize("clip", [True, False])
def test_the_inverse_gives_clean_pixels_back_from_their_means(std: float, clip: bool) -> None:
    noise = Gaussian(std, clip)
    clean = torch.rand(2, 3, 50, generator=torch.Generator().manual_seed(0)).double()
    restored = InverseMean(noise)(noise.mean(clean))
    torch.testing.assert_close(restored, clean, rtol=0, atol=1e-6)


OTHERS: list[Noise] = [
    Blind(0.0, 1.0, clip=True),
    SaltAndPepper(0.9, clip=True),
    Poisson(4.0, clip=True),
    Speckle(0.5, clip=True),
    Uniform(0.9, clip=True),
    Dropout(0.9, clip=True),
]


@pytest.mark.parametrize("noise", OTHERS, ids=lambda noise: type(noise).__name__)
def test_the_inverse_undoes_the_bias_of_any_noise(noise: Noise) -> None:
    clean = torch.linspace(0, 1, 101).double()
    torch.testing.assert_close(InverseMean(noise)(noise.mean(clean)), clean, rtol=0, atol=1e-5)


@pytest.mark.parametrize("noise", [NOISE, *OTHERS], ids=lambda noise: type(noise).__name__)
def test_the_table_has_the_mean_of_every_8_bit_pixel(noise: Noise) -> None:
    clean = torch.arange(256).view(16, 16).float() / 255
    found = InverseMean(noise).mean(clean)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, noise.mean(clean.double()).float(), rtol=0, atol=2e-7)


def test_where_noise_has_replaced_every_pixel_the_inverse_is_still_an_image() -> None:
    for noise in (SaltAndPepper(1.0, clip=True), Dropout(1.0, clip=True)):
        restored = InverseMean(noise)(torch.tensor([0.0, 0.3, 0.5, 0.7, 1.0]))
        assert ((restored >= 0) & (restored <= 1)).all()


def test_means_that_no_pixel_has_become_black_and_white() -> None:
    beyond = torch.tensor([-3.0, 0.1, 0.9, 3.0])
    assert InverseMean(NOISE)(beyond).tolist() == [0, 0, 1, 1]


def test_every_baseline_restores() -> None:
    assert [*fitted()] == [*(each.name for each in FILTERS), *LINEAR]
    for name, baseline in fitted().items():
        assert gain(baseline, scored()) > 2, name


def test_every_baseline_restores_images_of_three_channels() -> None:
    training, unseen = (three_channels(b) for b in (data().fitting_batch(), scored()))
    for baseline in baselines("fast", lambda: training, three_channels(validation()), NOISE):
        assert gain(baseline, unseen) > 2, baseline.name


@pytest.mark.parametrize("each", FILTERS, ids=lambda each: each.name)
def test_filters_do_not_mix_images(each: Filter) -> None:
    noisy = three_channels(scored()).noisy[:4].numpy()
    together = each.apply(noisy, 0.3, each.values[1])
    alone = [each.apply(noisy[n : n + 1], 0.3, each.values[1]) for n in range(4)]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-5)


def test_it_pays_to_know_that_clipping_has_a_bias() -> None:
    unaware = fitted(Unaware(std=0.5, clip=True))
    for name in ("Gaussian filter", "wavelets", "total variation", "non-local means", "PCA"):
        assert gain(fitted()[name], scored()) > gain(unaware[name], scored()) + 0.5, name


def test_without_noise_everything_is_finite_and_some_filters_do_nothing() -> None:
    noise = Gaussian(std=0.0, clip=True)
    for name, baseline in fitted(noise).items():
        restored = baseline.restore(scored(noise).noisy)
        assert restored.isfinite().all(), name
        if name in ("wavelets", "total variation", "non-local means"):
            assert score(restored, scored(noise).clean) > 50, name


def test_tuning_takes_what_is_best_on_validation_images() -> None:
    noisy, clean = validation()[:2]
    scores = {}
    for size in (3, 5, 7, 9):
        filtered = median_filter(noisy.numpy(), (1, 1, size, size))
        scores[size] = score(torch.from_numpy(filtered), clean)
    assert fitted()["median filter"].settings == {"size": max(scores, key=scores.__getitem__)}


def test_tuning_follows_the_noise() -> None:
    weak = fitted(Gaussian(std=0.1, clip=True))
    for name, setting in (("Gaussian filter", "sigma"), ("median filter", "size")):
        assert weak[name].settings[setting] < fitted()[name].settings[setting]
    assert weak["PCA"].settings["rank"] > fitted()["PCA"].settings["rank"]


def test_the_same_images_give_the_same_baselines() -> None:
    for again in baselines("fast", data().fitting_batch, validation(), NOISE):
        first = fitted()[again.name]
        assert again.settings == first.settings
        assert torch.equal(again.restore(scored().noisy), first.restore(scored().noisy))


@pytest.mark.filterwarnings("ignore:.*dask")
def test_wavelets_are_scikit_images_over_all_shifts() -> None:
    noisy = scored().noisy[:2].numpy()
    found = filters.wavelets(noisy, 0.3, 0.5)
    settings = {
        "sigma": 0.15,
        "wavelet": "haar",
        "wavelet_levels": 2,
        "method": "VisuShrink",
        "rescale_sigma": False,
    }
    for image, restored in zip(noisy[:, 0], found[:, 0], strict=True):
        expected = cycle_spin(image, denoise_wavelet, 3, func_kw=settings)
        np.testing.assert_allclose(restored, expected, atol=1e-5)


def test_wavelets_take_sides_that_cannot_be_halved_twice() -> None:
    flat = np.full((1, 1, 7, 9), 0.5, dtype=np.float32)
    np.testing.assert_allclose(filters.wavelets(flat, 0.3, 0.5), flat, atol=1e-6)


def test_projections_are_numpys() -> None:
    images = torch.rand(40, 2, 2, 3, generator=torch.Generator().manual_seed(0))
    of_rank = projections(images.flatten(1))
    flat = images.flatten(1).double().numpy()
    centred = flat - flat.mean(0)
    _, _, rows = np.linalg.svd(centred, full_matrices=False)
    expected = flat.mean(0) + centred @ rows[:3].T @ rows[:3]
    np.testing.assert_allclose(of_rank(3)(images).flatten(1).numpy(), expected, atol=1e-5)
    for rank in (12, 100):
        torch.testing.assert_close(of_rank(rank)(images), images)


@pytest.mark.parametrize("ridge", [1e-6, 0.1])
def test_regressions_are_numpys_least_squares(ridge: float) -> None:
    random = torch.Generator().manual_seed(0)
    clean = torch.rand(60, 1, 2, 2, generator=random)
    noisy = clean + 0.3 * torch.randn(clean.shape, generator=random)
    x, y = (images.flatten(1).double().numpy() for images in (noisy, clean))
    # A column of ones without a penalty stands for the bias, and further rows for the ridge.
    penalty = np.sqrt(ridge * x.var(0).mean() * len(x)) * np.eye(4)
    rows = np.block([[x, np.ones((60, 1))], [penalty, np.zeros((4, 1))]])
    weights, *_ = np.linalg.lstsq(rows, np.concatenate((y, np.zeros((4, 4)))), rcond=None)
    expected = x @ weights[:4] + weights[4]
    found = regressions(noisy.flatten(1), clean.flatten(1))(ridge)(noisy)
    np.testing.assert_allclose(found.flatten(1).numpy(), expected, atol=1e-5)


def test_linear_baselines_are_left_out_for_large_images() -> None:
    random = torch.Generator().manual_seed(0)
    clean = torch.rand(2, 1, 65, 64, generator=random)
    large = Batch(NOISE(clean, random), clean, torch.zeros(2, dtype=torch.int64))

    def never() -> Batch:
        raise AssertionError("there is nothing to fit")

    with pytest.warns(
        UserWarning, match="no PCA and no linear baseline for images of 4,160 values"
    ):
        names = [baseline.name for baseline in baselines("fast", never, large, NOISE)]
    assert names == [each.name for each in FILTERS]


def test_none_is_none() -> None:
    assert list(baselines("none", data().fitting_batch, validation(), NOISE)) == []


def test_bm3d_restores() -> None:
    pytest.importorskip("bm3d", reason="the extra bm3d is not installed")
    require_available("all")
    batch = three_channels(scored())
    restored = torch.from_numpy(BM3D.apply(batch.noisy[:1].numpy(), 0.3, 1.0))
    assert restored.shape == batch.clean[:1].shape
    gained = score(InverseMean(NOISE)(restored), batch.clean[:1])
    assert gained > score(batch.noisy[:1], batch.clean[:1]) + 3


def test_a_missing_bm3d_is_refused_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bm3d", None)  # Python's entry for a module that is absent
    with pytest.raises(ValueError, match=r"non-commercial .*pip install '\.\[bm3d\]'"):
        next(baselines("all", data().fitting_batch, validation(), NOISE))
    require_available("fast")


def test_libraries_of_filters_are_imported_only_where_one_runs() -> None:
    code = (
        "import sys, baselines.filters; "
        "print({'skimage', 'pywt', 'bm3d', 'scipy'} & set(sys.modules))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert found.stdout == "set()\n"
