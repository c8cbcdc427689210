"""Restoration metrics against scikit-image and numpy, image by image."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.signal import convolve2d  # type: ignore[import-untyped]
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from denoisers.metrics import MAX_PSNR, PerImage, gmsd, mae, mse, psnr, restoration_metrics, ssim
from groundwork.measures import between_images

SHAPES = [(1, 28, 28), (3, 32, 32), (1, 11, 17)]


def pair(shape: tuple[int, int, int], count: int = 6) -> tuple[Tensor, Tensor]:
    """Smooth clean images, and images restored ever worse: from 26 dB down to about 8 dB."""
    random = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, shape[0], 5, 5, generator=random)
    clean = torch.nn.functional.interpolate(coarse, shape[1:], mode="bilinear")
    std = torch.linspace(0.05, 0.5, count)[:, None, None, None]
    restored = clean + std * torch.randn(clean.shape, generator=random)
    return restored.clamp(0, 1), clean


def reference(name: str, restored: Tensor, clean: Tensor) -> list[float]:
    """The metric of each image by another implementation."""
    values = []
    for image, target in zip(restored.double().numpy(), clean.double().numpy(), strict=True):
        match name:
            case "psnr":
                value = peak_signal_noise_ratio(target, image, data_range=1)
            case "ssim":
                value = structural_similarity(
                    target,
                    image,
                    gaussian_weights=True,
                    sigma=1.5,
                    use_sample_covariance=False,
                    data_range=1,
                    channel_axis=0,
                )
            case "mse":
                value = np.mean((image - target) ** 2)
            case _:
                value = np.mean(np.abs(image - target))
        values.append(float(value))
    return values


@pytest.mark.parametrize("name", ["psnr", "ssim", "mse", "mae"])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_image_has_the_value_of_the_reference(name: str, shape: tuple[int, int, int]) -> None:
    restored, clean = pair(shape)
    metrics = restoration_metrics(between_images(shape))
    metrics.update(restored, clean)
    metric = metrics[name]
    assert isinstance(metric, PerImage)
    expected = reference(name, restored, clean)
    np.testing.assert_allclose(metric.per_image().numpy(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["psnr", "ssim", "mse", "mae"])
def test_the_result_is_the_mean_over_images_however_they_are_batched(name: str) -> None:
    restored, clean = pair((1, 28, 28), count=8)
    metrics = restoration_metrics(between_images((1, 28, 28)), prefix="noisy_")
    for part in torch.arange(8).split([1, 5, 2]):
        metrics.update(restored[part], clean[part])
    expected = np.mean(reference(name, restored, clean))
    assert metrics.compute()[f"noisy_{name}"].item() == pytest.approx(expected, rel=1e-5)


def test_psnr_is_not_that_of_the_pooled_error() -> None:
    restored, clean = pair((1, 28, 28))
    pooled = -10 * np.log10(np.mean((restored.numpy() - clean.numpy()) ** 2))
    assert psnr(restored, clean).mean().item() - pooled > 2


def test_a_reset_forgets_the_images_before() -> None:
    restored, clean = pair((1, 28, 28))
    metrics = restoration_metrics(between_images((1, 28, 28)))
    metrics.update(restored, clean)
    metrics.reset()
    metrics.update(restored[:1], clean[:1])
    expected = reference("psnr", restored[:1], clean[:1])
    assert metrics.compute()["psnr"].item() == pytest.approx(expected[0], rel=1e-5)


def test_a_perfect_image_counts_100_db_and_similarity_1() -> None:
    _, clean = pair((3, 32, 32))
    metrics = restoration_metrics(between_images((3, 32, 32)))
    metrics.update(clean.clone(), clean)
    values = {name: value.item() for name, value in metrics.compute().items()}
    assert values == pytest.approx({"psnr": 100, "ssim": 1, "mse": 0, "mae": 0}, abs=1e-6)


@pytest.mark.parametrize("shape", [(1, 10, 28), (1, 28, 10), (1, 8, 8), (1, 1, 1), (3, 28, 1)])
def test_images_smaller_than_its_window_have_no_ssim(shape: tuple[int, int, int]) -> None:
    restored, clean = pair(shape)
    metrics = restoration_metrics(between_images(shape))
    metrics.update(restored, clean)
    assert set(metrics.compute()) == {"psnr", "mse", "mae"}


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_black_and_white_images_have_finite_metrics(value: float) -> None:
    flat = torch.full((2, 1, 28, 28), value)
    metrics = restoration_metrics(between_images((1, 28, 28)))
    for restored in (flat, 1 - flat, pair((1, 28, 28), count=2)[0]):
        metrics.update(restored, flat)
    for metric in metrics.values():
        assert isinstance(metric, PerImage)
        assert metric.per_image().isfinite().all()
    assert psnr(1 - flat, flat).tolist() == [0, 0]
    assert ssim(flat, flat).tolist() == pytest.approx([1, 1], abs=1e-6)


@pytest.mark.parametrize("shape", [(1, 11, 11), (3, 11, 12), (1, 28, 28)])
def test_images_of_one_value_have_the_values_of_the_reference(shape: tuple[int, int, int]) -> None:
    """The smallest for which SSIM is defined among them, alone in their batches."""
    random = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    flats = [torch.full(shape, value) for value in (0.0, 0.3, 1.0)]
    for restored in (*flats, random):
        for clean in flats:
            for name, measure in {"psnr": psnr, "ssim": ssim, "mse": mse, "mae": mae}.items():
                if name == "psnr" and torch.equal(restored, clean):
                    assert psnr(restored[None], clean[None]).tolist() == [MAX_PSNR]
                    continue
                expected = reference(name, restored[None], clean[None])
                assert measure(restored[None], clean[None]).tolist() == pytest.approx(
                    expected, rel=1e-4, abs=1e-6
                ), name


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 27, 31), (1, 6, 6)])
def test_gmsd_is_that_of_the_paper(shape: tuple[int, int, int]) -> None:
    """By the authors' steps for values from 0 to 255, with SciPy's convolutions."""

    def edges(channel: NDArray[np.float64]) -> NDArray[np.float64]:
        mean = convolve2d(255 * channel, np.full((2, 2), 0.25))[1::2, 1::2]
        prewitt = np.array([[1, 0, -1]] * 3) / 3
        across, down = (convolve2d(mean, part, mode="same") for part in (prewitt, prewitt.T))
        return np.hypot(across, down)

    restored, clean = pair(shape)
    expected = []
    for images in zip(restored.double().numpy(), clean.double().numpy(), strict=True):
        maps = ((edges(first), edges(second)) for first, second in zip(*images, strict=True))
        similar = [(2 * a * b + 170) / (a**2 + b**2 + 170) for a, b in maps]
        expected.append(np.mean([part.std() for part in similar]))
    np.testing.assert_allclose(gmsd(restored, clean).numpy(), expected, rtol=1e-5)
    assert gmsd(clean, clean).tolist() == pytest.approx([0] * len(clean), abs=1e-6)
