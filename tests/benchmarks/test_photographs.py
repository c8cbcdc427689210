"""benchmarks.photographs: the field's protocol, and published numbers told from measured ones."""

import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import bootstrap
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from baselines import filters
from benchmarks.photographs import measuring, methods, protocol, report, sets
from benchmarks.photographs.measuring import Comparison, Result
from benchmarks.photographs.published import PUBLISHED, psnr_of
from restoration import zero_shot
from tests.helpers.photographs import make_set, picture


def halve(noisy: methods.Picture, sigma: float) -> methods.Picture:
    return noisy / np.float32(2)


HALF = methods.Method("half", None, halve)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_noise_is_that_of_kairs_scripts(channels: int) -> None:
    """They seed numpy's global generator for each picture, and draw for H W C."""
    for seed in (1, 2):
        clean = np.atleast_3d(picture(seed, channels))
        np.random.seed(seed=0)  # noqa: NPY002
        expected = (clean / 255.0).astype(np.float32)
        expected += np.random.normal(0, 50 / 255.0, expected.shape)  # noqa: NPY002
        noisy = protocol.noisy(np.moveaxis(clean, -1, 0), 50)
        assert noisy.dtype == np.float32
        np.testing.assert_array_equal(np.moveaxis(noisy, 0, -1), expected)
        assert noisy.min() < 0
        assert noisy.max() > 1


def test_results_are_rounded_to_8_bits() -> None:
    restored = np.array([-1, 0, 0.4 / 255, 0.6 / 255, 254.6 / 255, 1, 7], np.float32)
    assert protocol.rounded(restored).tolist() == [0, 0, 0, 1, 255, 255, 255]


@pytest.mark.parametrize("channels", [1, 3])
def test_scores_are_those_of_scikit_image_on_8_bits(channels: int) -> None:
    """Its SSIM with Gaussian windows, over whole windows only, is Wang's, MATLAB's and KAIR's."""
    clean = np.atleast_3d(picture(0, channels))
    other = np.atleast_3d(picture(1, channels))
    restored = (0.8 * clean + 0.2 * other).astype(np.uint8)
    psnr, ssim = protocol.score(np.moveaxis(restored, -1, 0), np.moveaxis(clean, -1, 0))
    assert psnr == pytest.approx(peak_signal_noise_ratio(clean, restored, data_range=255))
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    _, similarity = structural_similarity(
        clean, restored, data_range=255, channel_axis=-1, full=True, **settings
    )
    assert ssim == pytest.approx(similarity[5:-5, 5:-5].mean(), abs=1e-9)


def test_a_method_is_scored_after_rounding_and_timed_per_megapixel(tmp_path: Path) -> None:
    tested = sets.read(make_set(tmp_path, "some", 3), 1)
    seen = []

    def restore(noisy: methods.Picture, sigma: float) -> methods.Picture:
        seen.append((noisy, sigma))
        return noisy / np.float32(3)

    named = methods.Method("third", None, restore)
    found = measuring.compare(tested, 30, [named, HALF])
    assert [*found.results] == ["third", "half"]
    assert {sigma for _, sigma in seen} == {30}
    result = found.results["third"]
    for value, clean in zip(result.psnr, tested.pictures.values(), strict=True):
        noisy = protocol.noisy(clean, 30)
        restored = np.rint((noisy / 3).clip(0, 1) * 255).astype(np.uint8)
        assert value == pytest.approx(peak_signal_noise_ratio(clean, restored, data_range=255))
    assert len(result.ms_per_megapixel) == 3
    # Once more at first, which no time is taken of; nothing is restored twice.
    assert len(seen) == 4


def test_times_are_per_megapixel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tested = sets.read(make_set(tmp_path, "some", 2, channels=3), 1)
    clock = iter([0, 0.5, 10, 10.25])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    found = measuring.compare(tested, 30, [HALF])
    megapixels = 20 * 26 / 1e6  # not times three
    times = found.results["half"].ms_per_megapixel
    assert times == pytest.approx([500 / megapixels, 250 / megapixels])


def test_means_are_over_pictures_and_intervals_by_the_bootstrap() -> None:
    values = np.random.default_rng(0).normal(30, 2, 40)
    mean, low, high = report.mean_with_interval(values.tolist())
    assert mean == pytest.approx(values.mean())
    independent = bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=1)
    ends = independent.confidence_interval
    assert (low, high) == pytest.approx((ends.low, ends.high), abs=0.06)


def comparison(name: str = "Set12", count: int = 12, sigma: float = 25) -> Comparison:
    pictures = {f"{number}.png": picture(number)[None] for number in range(count)}
    up = np.arange(count) / 50
    results = {
        "noisy": Result([*(20 + up)], [0.4] * count, [0.001] * count),
        "BM3D": Result([*(29 + up)], [0.8] * count, [30_000.0] * count),
        "mine": Result([*(30 + 2 * up)], [0.9] * count, [500.0] * (count - 1) + [9e9]),
    }
    return Comparison(sets.PictureSet(name, 1, pictures, count), sigma, results)


def test_published_numbers_stand_beside_the_measured_ones_and_say_so() -> None:
    made = report.table(comparison())
    rows = {row[0]: dict(zip(made.header, row, strict=True)) for row in made.rows}
    published = [name for name in rows if name not in ("noisy", "BM3D", "mine")]
    assert published == [f"{name}, published" for name in PUBLISHED["Set12"].psnr]
    assert rows["BM3D, published"]["PSNR (dB)"] == "29.97"
    assert rows["DRUNet, published"]["PSNR (dB)"] == "30.94"
    for name in published:  # nothing but PSNR was published
        assert sum(cell != "" for cell in rows[name].values()) == 2
    assert rows["BM3D"]["PSNR (dB)"] == "29.11"
    assert rows["mine"]["ms/megapixel"] == "500"  # the median, and not the mean
    assert rows["mine"]["times as fast"] == "60"
    assert rows["mine"]["over BM3D"] == "+1.11"
    assert rows["noisy"]["ms/megapixel"] == ""


@pytest.mark.parametrize(
    ("name", "count", "sigma"), [("Set12", 11, 25), ("Set12", 12, 30), ("mine", 12, 25)]
)
def test_what_was_not_published_has_no_numbers(name: str, count: int, sigma: float) -> None:
    """They are for whole sets, and for three strengths of noise."""
    assert psnr_of("Set12", 12, 50)["FFDNet"] == 27.32
    assert psnr_of(name, count, sigma) == {}
    made = report.table(comparison(name, count, sigma))
    assert [row[0] for row in made.rows] == ["noisy", "BM3D", "mine"]


def test_the_plot_has_a_panel_for_each_set_and_sigma() -> None:
    figure = report.plot([comparison(sigma=15), comparison(sigma=25), comparison("own", 3, 25)])
    shown = {axis.get_title(): axis for axis in figure.axes if axis.axison}
    assert {*shown} == {"Set12, σ = 15", "Set12, σ = 25", "own, σ = 25"}
    axis = shown["Set12, σ = 25"]
    assert axis.get_xscale() == "log"
    assert axis.get_xlabel() == "seconds per megapixel"
    assert axis.get_ylabel() == "PSNR (dB)"
    drawn = {str(line.get_label()): np.array(line.get_data()) for line in axis.lines}
    assert drawn["BM3D"].flatten() == pytest.approx([30, 29.11])
    assert drawn["mine"].flatten() == pytest.approx([0.5, 30.22])
    assert drawn["FFDNet, published"][1] == pytest.approx(30.43)
    assert "noisy" not in drawn


def test_every_second_picture_is_said_to_be_a_part(tmp_path: Path) -> None:
    folder = make_set(tmp_path, "Set12", 12)
    part = sets.read(folder, 5)
    assert [*part.pictures] == ["00.png", "05.png", "10.png"]
    assert part.described == "3 of 12 grey pictures"
    assert sets.read(folder, 1).described == "12 grey pictures"


def test_without_its_package_bm3d_stays_out_unless_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(methods, "find_spec", lambda name: None)
    assert [each.name for each in methods.baselines(None)] == [
        "noisy",
        "total variation",
        "non-local means",
    ]
    monkeypatch.setattr(methods, "find_spec", lambda name: name)
    assert [each.name for each in methods.baselines(None)][-1] == "BM3D"


def test_zero_shot_takes_part_only_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zero_shot.restore, "__defaults__", (None, 50))  # steps, for speed
    names = [each.name for each in methods.baselines(None)]
    (method,) = methods.baselines(["zero_shot"])
    assert method.name not in names
    noisy = protocol.noisy(picture(0)[None, :8, :8], 25)
    np.testing.assert_array_equal(method.restore(noisy, 25), zero_shot.restore(noisy, seed=0))


def test_bm3d_of_colours_is_cbm3d(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its package has a function for each; both are told the noise in units of white."""
    calls = []

    def function(name: str) -> object:
        def restore(image: np.ndarray, sigma_psd: float) -> np.ndarray:
            calls.append((name, image.shape, sigma_psd))
            return image

        return restore

    fake = SimpleNamespace(bm3d=function("grey"), bm3d_rgb=function("colour"), __spec__="there")
    monkeypatch.setitem(sys.modules, "bm3d", fake)
    for channels in (1, 3):
        noisy = np.zeros((channels, 20, 26), np.float32)
        assert methods.BASELINES["bm3d"].restore(noisy, 51).shape == noisy.shape
    assert calls == [("grey", (20, 26, 1), 0.2), ("colour", (20, 26, 3), 0.2)]
    assert filters.BM3D.apply is filters.bm3d
