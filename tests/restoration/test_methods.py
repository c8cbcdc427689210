"""denoise.py's methods, and the help for noise that is not even."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

import denoise
from datamodules.camera import Camera
from denoisers.checkpoint import load_model
from estimation import stabilising
from estimation.anscombe import SensorNoise
from estimation.noise_level import estimate_std
from restoration import classical, zero_shot
from restoration.methods import SQUARE, ByModel, ByNoise, for_noise_of, four_parts
from restoration.report import Report
from restoration.restorer import Restorer
from tests.helpers.lines import line_for
from tests.helpers.pictures import photograph, with_noise
from tests.helpers.runs import compose, trained
from tests.helpers.symmetries import by_hand

CPU = torch.device("cpu")
UNET = ("model=unet", "model.channels=[8,8]", "trainer.max_epochs=1", "noise=blind")


@cache
def by_noise() -> ByNoise:
    return ByNoise(None, CPU)


def psnr(picture: np.ndarray, clean: np.ndarray) -> float:
    return float(peak_signal_noise_ratio(clean, picture.clip(0, 1), data_range=1))


def restore(folder: Path, picture: np.ndarray, *overrides: str) -> tuple[np.ndarray, Report]:
    """Save a picture with 8 bits, and restore it by denoise.py. All are C H W in [0, 1]."""
    stored = np.rint(picture.clip(0, 1) * 255).astype(np.uint8)
    folder.mkdir(exist_ok=True)
    colours = stored[0] if len(stored) == 1 else stored.transpose(1, 2, 0)
    Image.fromarray(colours).save(folder / "a.png")
    given = compose("denoise", f"input={folder}/a.png", "device=cpu", *overrides)
    (report,) = denoise.denoise(given)
    restored = np.asarray(Image.open(folder / "restored" / "a.png"), np.float32) / 255
    return restored[None] if restored.ndim == 2 else restored.transpose(2, 0, 1), report


@pytest.mark.parametrize("channels", [1, 3])
def test_a_filter_is_told_the_estimated_noise_or_the_given_one(
    channels: int, tmp_path: Path
) -> None:
    clean = photograph(3, 160, 160)[:channels]
    noisy = np.rint(with_noise(clean, 0.1).clip(0, 1) * 255).astype(np.float32) / 255
    by_estimate, report = restore(tmp_path / "a", noisy, "method=tv")
    std = estimate_std(noisy)
    assert std is not None
    assert report.noise_std == std
    expected = classical.restore("tv", noisy, std)
    assert np.abs(by_estimate - expected).max() < 0.51 / 255 + 1e-6
    assert psnr(by_estimate, clean) > psnr(noisy, clean) + 4
    by_given, report = restore(tmp_path / "b", noisy, "method=tv", "sigma=0.3")
    assert report.noise_std == report.sigma == 0.3
    assert np.abs(by_given - classical.restore("tv", noisy, 0.3)).max() < 0.51 / 255 + 1e-6
    text = report.task.reports[0].read_text()
    assert "Restored by total variation." in text
    assert "given standard deviation 0.300" in text


def test_noise_that_cannot_be_estimated_has_to_be_given(tmp_path: Path) -> None:
    black = np.zeros((1, 40, 40), np.float32)
    with pytest.raises(ValueError, match=r"a\.png: the strength of its noise .*: give sigma="):
        restore(tmp_path, black, "method=nlm")
    assert not (tmp_path / "restored").exists()


def test_zero_shot_learns_from_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zero_shot.restore, "__defaults__", (None, 30))
    noisy = (
        np.rint(with_noise(photograph(3, 90, 90), 0.1).clip(0, 1) * 255).astype(np.float32) / 255
    )
    restored, report = restore(tmp_path, noisy, "method=zero_shot", "seed=3")
    expected = zero_shot.restore(noisy, 3, None, 30)
    assert np.abs(restored - expected).max() < 0.51 / 255 + 1e-6
    assert report.how.training is None
    assert "trained on the picture itself" in report.task.reports[0].read_text()


def test_the_bias_of_noise_that_was_cut_is_undone() -> None:
    """Half of a black picture's noise is lost: what is left has a mean above 0."""
    clean = np.full((1, 96, 96), 0.02, np.float32)
    clean[:, :, 48:] = 0.5
    noisy = with_noise(clean, 0.2).clip(0, 1)
    method = ByModel("photo", None, CPU)
    helped, _ = method(noisy, 0.2)
    alone, _ = method(noisy, None)
    dark = np.s_[:, 8:-8, 8:40]
    assert alone[dark].mean() > 0.07
    assert abs(helped[dark].mean() - 0.02) < 0.02
    assert abs(helped[:, 8:-8, 56:-8].mean() - 0.5) < 0.02


def test_noise_that_grows_with_the_light_is_made_even_first() -> None:
    """A dim picture with bright parts, as of fluorescence: the shot noise differs by far."""
    random = np.random.default_rng(0)
    clean = (photograph(3, 160, 160)[:1] ** 4 * 0.8 + 0.01).astype(np.float32)
    a = 0.02
    noisy = (a * random.poisson(clean / a)).astype(np.float32)
    noise = stabilising.estimate_growing(noisy)
    assert noise is not None
    method = ByModel("photo", None, CPU)
    restored, how = method(noisy, estimate_std(noisy))
    assert how.stabilised == noise
    network = Restorer(load_model("photo")[0], None, CPU)
    alone = network(torch.from_numpy(noisy)).numpy()
    assert psnr(restored, clean) > psnr(alone, clean) + 0.1


def test_even_noise_is_not_taken_for_noise_that_grows() -> None:
    for std in (0.05, 0.1, 0.2):
        assert stabilising.estimate_growing(with_noise(photograph(3, 160, 160)[:1], std)) is None


def test_going_to_even_noise_and_back_changes_nothing_by_itself() -> None:
    """Apart from the bias of the noise's mean, which the way back undoes."""
    clean = photograph(3, 160, 160)
    noise = SensorNoise(1e-6, 1e-8)
    same = stabilising.restored_evenly(lambda picture: picture, clean, noise)
    assert np.abs(same - clean).max() < 1e-4


def test_other_models_are_not_helped() -> None:
    """A model that was trained with noise that was cut has learnt its bias."""
    best = trained(*UNET).best
    noisy = with_noise(photograph(3, 160, 160)[:1], 0.2).clip(0, 1)
    restored, how = ByModel(str(best), None, CPU)(noisy, 0.2)
    plain = Restorer(load_model(best)[0], None, CPU)(torch.from_numpy(noisy)).numpy()
    assert np.array_equal(restored, plain)
    assert how.stabilised is None


def camera_noise(clean: np.ndarray, shot: float) -> np.ndarray:
    """Return a picture as it comes out of a camera, C H W."""
    noise = Camera(
        min_shot=shot,
        max_shot=shot,
        max_smoothing=1.0,
        jpeg_probability=1.0,
        min_quality=90,
        max_quality=90,
        strength=1.0,
        clip=True,
    )
    noisy: np.ndarray = noise(
        torch.from_numpy(clean)[None], torch.Generator().manual_seed(0)
    ).numpy()
    return noisy[0]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("sigma", [5, 25, 50])
def test_white_noise_chooses_the_weights_for_it(channels: int, sigma: int) -> None:
    clean = photograph(3, 190, 200)[:channels]
    noisy = with_noise(clean, sigma / 255)
    method = by_noise()
    restored, how = method(noisy, estimate_std(noisy))
    assert how.checkpoint == "photo"
    assert not how.noise_is_correlated
    assert np.array_equal(restored, method.for_white(noisy, estimate_std(noisy)).picture)


@pytest.mark.parametrize("shot", [0.001, 0.01])
def test_the_noise_of_a_camera_chooses_the_weights_for_it(shot: float) -> None:
    clean = photograph(3, 190, 200)
    noisy = camera_noise(clean, shot)
    method = by_noise()
    restored, how = method(noisy, None)
    assert how.checkpoint == "camera"
    assert how.noise_is_correlated
    assert psnr(restored, clean) > psnr(method.for_white(noisy, None).picture, clean) + 1


def test_all_planes_of_a_stack_are_restored_by_the_weights_for_the_first() -> None:
    clean = photograph(3, 110, 120)
    white, correlated = with_noise(clean, 0.1), camera_noise(clean, 0.01)
    method = by_noise()
    for first, name in ((white, "photo"), (correlated, "camera")):
        settled = for_noise_of(method, first)
        assert {settled(plane, None).how.checkpoint for plane in (white, correlated)} == {name}
    assert for_noise_of(method.for_white, correlated) is method.for_white


def test_noise_is_looked_at_in_all_four_quarters() -> None:
    picture = np.arange(3 * 300 * 500, dtype=np.float32).reshape(3, 300, 500)
    parts = four_parts(picture)
    corners = [(43, 93), (43, 279), (129, 93), (129, 279)]
    assert [part.shape for part in parts] == [(3, SQUARE, SQUARE)] * 4
    for part, (top, left) in zip(parts, corners, strict=True):
        assert np.array_equal(part, picture[:, top : top + SQUARE, left : left + SQUARE])
    assert [part.shape for part in four_parts(picture[:, :5, :7])] == [(3, 5, 7)] * 4


def test_the_report_names_the_weights_and_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clean = photograph(3, 110, 120)
    _, report = restore(tmp_path / "white", with_noise(clean, 0.1))
    header, row = (line.split() for line in capsys.readouterr().out.splitlines()[1:4:2])
    assert dict(zip(header[1::2], row[1::2], strict=True))["weights"] == "photo"
    text = report.task.reports[0].read_text()
    assert "Restored by photo: " in text
    assert (
        "The weights were chosen for its noise, which is white (the strongest correlation of"
        in text
    )
    assert report.warnings == []
    _, report = restore(tmp_path / "camera", camera_noise(clean, 0.01))
    text = report.task.reports[0].read_text()
    assert "Restored by camera: " in text
    assert "which is shared by neighbouring pixels (the strongest correlation of" in text
    assert "Noise: its strength is not estimated, since neighbouring pixels share it" in text
    assert report.warnings == []
    assert report.noise_std is None
    _, report = restore(tmp_path / "chosen", camera_noise(clean, 0.01), "checkpoint=photo")
    assert "chosen for its noise" not in report.task.reports[0].read_text()


@pytest.mark.parametrize("tile", ["auto", 200])
def test_all_symmetries_are_averaged_also_in_tiles(tile: str | int, tmp_path: Path) -> None:
    """The network sees 18 pixels far, so that both sides of the picture need several tiles."""
    best = trained(*UNET).best
    noisy = np.rint(photograph(1, 210, 230) * 255).astype(np.float32) / 255
    given = (f"checkpoint={best}", f"tile={tile}", "symmetries=8")
    restored, report = restore(tmp_path, noisy, *given)
    network = Restorer(load_model(best)[0], None, CPU)
    expected = by_hand(network, torch.from_numpy(noisy)).numpy()
    assert np.abs(restored - expected).max() < 0.51 / 255 + 1e-6
    assert np.abs(restored - network(torch.from_numpy(noisy)).numpy()).max() > 1 / 255
    assert report.how.tile == (None if tile == "auto" else (200, 200))
    assert report.as_dict()["symmetries"] == 8
    said = "It is the average of 8 results, for all rotations by 90 degrees and mirror images."
    assert said in report.task.reports[0].read_text()


def test_the_weights_that_are_chosen_are_averaged_too() -> None:
    noisy = with_noise(photograph(3, 70, 90), 0.1)
    restored, how = ByNoise(None, CPU, symmetries=8)(noisy, None)
    assert (how.checkpoint, how.symmetries) == ("photo", 8)
    network = Restorer(load_model("photo")[0], None, CPU)
    assert np.allclose(restored, by_hand(network, torch.from_numpy(noisy)).numpy(), atol=1e-5)


def test_symmetries_are_for_models_alone(tmp_path: Path) -> None:
    black = np.zeros((1, 40, 40), np.float32)
    line = line_for(lambda: restore(tmp_path, black, "method=nlm", "symmetries=8"))
    assert line == "symmetries=8: it is for method=model alone"
    assert line_for(lambda: restore(tmp_path, black, "symmetries=2")).endswith("should be 1 or 8")
    assert not (tmp_path / "restored").exists()
