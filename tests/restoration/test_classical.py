"""Classical filters for denoise.py: their settings, tiles, and the bias of clipping."""

import sys

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

from restoration import classical
from restoration.clipping import clean_from_means, is_clipped
from tests.helpers.pictures import photograph, with_noise

NAMES: tuple[classical.Name, ...] = ("nlm", "tv")


def psnr(clean: np.ndarray, other: np.ndarray) -> float:
    return float(peak_signal_noise_ratio(clean, other, data_range=1))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", [*NAMES, "bm3d"])
def test_a_noisy_picture_gains(name: classical.Name, channels: int) -> None:
    if name == "bm3d":
        pytest.importorskip("bm3d", reason="the extra bm3d is not installed")
    clean = photograph(channels, 128, 128)
    noisy = with_noise(clean, 0.1)
    restored = classical.restore(name, noisy, 0.1)
    assert restored.dtype == np.float32
    assert restored.shape == noisy.shape
    assert psnr(clean, restored) > psnr(clean, noisy) + 5


def test_the_filters_are_scikit_images_with_the_settings_of_the_documentation() -> None:
    noisy = with_noise(photograph(3, 128, 128), 0.1)
    last = np.moveaxis(noisy, 0, -1)
    by_tv = denoise_tv_chambolle(last, weight=0.1, channel_axis=-1)
    by_nlm = denoise_nl_means(last, 5, 6, h=0.07, sigma=0.1, fast_mode=True, channel_axis=-1)
    for name, expected in zip(("tv", "nlm"), (by_tv, by_nlm), strict=True):
        found = np.moveaxis(classical.restore(name, noisy, 0.1), 0, -1)  # type: ignore[arg-type]
        np.testing.assert_allclose(found, expected.clip(0, 1), atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_bias_of_cut_noise_is_undone(name: classical.Name) -> None:
    clean = np.zeros((1, 128, 128), np.float32)
    clean[:, :, 64:] = 0.6
    cut = with_noise(clean, 0.3).clip(0, 1)
    assert cut[..., :50].mean() == pytest.approx(0.3 / np.sqrt(2 * np.pi), abs=0.01)
    restored = classical.restore(name, cut, 0.3)
    assert abs(restored[..., :50].mean()) < 0.03
    assert restored[..., 80:].mean() == pytest.approx(0.6, abs=0.03)


def test_only_cut_noise_counts_as_cut() -> None:
    for values, expected in (
        ([0, 0.5, 0.9], True),
        ([0.1, 0.5, 1], True),
        ([0, 0.5, 1], True),
        ([0.1, 0.5, 0.9], False),
        ([-0.1, 0, 1], False),
        ([0, 1, 1.1], False),
    ):
        assert is_clipped(np.array(values, np.float32)) is expected


def test_the_mean_of_whole_noise_is_only_cut() -> None:
    means = torch.tensor([-0.2, 0.0, 0.05, 0.5, 1.3])
    whole = np.array([-0.4, 0, 1.2], np.float32)
    found = clean_from_means(whole, 0.2)(means)
    assert torch.equal(found, means.clamp(0, 1))
    cut = clean_from_means(whole.clip(0, 1), 0.2)(means)
    assert cut[2] == 0  # black alone has a mean of 0.08
    assert cut[3] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_tiles_leave_no_traces(name: classical.Name, monkeypatch: pytest.MonkeyPatch) -> None:
    clean = photograph(1, 201, 330)
    noisy = with_noise(clean, 0.1)
    whole = classical.restore(name, noisy, 0.1)
    monkeypatch.setattr(classical, "TILE", 160)
    tiled = classical.restore(name, noisy, 0.1)
    if name == "nlm":  # it sees 8 pixels far
        np.testing.assert_allclose(tiled, whole, atol=1e-5)
        return
    # Total variation sees the whole tile, which decides when its iterations end.
    assert psnr(clean, tiled) == pytest.approx(psnr(clean, whole), abs=0.25)
    steps = np.abs(np.diff(tiled - whole)).mean((0, 1))  # by column
    assert steps.max() < 3 * np.median(steps)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (7, 3), (33, 61)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_odd_sizes(name: classical.Name, channels: int, size: tuple[int, int]) -> None:
    noisy = with_noise(photograph(channels, *size), 0.1)
    restored = classical.restore(name, noisy, 0.1)
    assert restored.shape == noisy.shape
    assert np.isfinite(restored).all()


def test_without_noise_nothing_is_taken_away() -> None:
    clean = photograph(3, 128, 128)
    np.testing.assert_array_equal(classical.restore("tv", clean, 0), clean)


def test_a_missing_bm3d_is_refused_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bm3d", None)  # what Python holds of a module that is absent
    noisy = photograph(1, 128, 128)
    with pytest.raises(ValueError, match=r"^method=bm3d: its package.*pip install '\.\[bm3d\]'$"):
        classical.restore("bm3d", noisy, 0.1)
    for name in NAMES:
        classical.require_available(name)
