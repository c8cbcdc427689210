"""What denoise.py reports of a picture: scores, the residual, and what is unlike training."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from datamodules.noise import Blind, Gaussian, Noise, Poisson
from denoisers import metrics
from restoration.inputs import Task
from restoration.methods import How
from restoration.report import Report
from restoration.residual import residual_of
from restoration.scores import scores
from restoration.trained_on import Training
from tests.helpers.pictures import read_picture, save
from tests.helpers.restoring import pixels, restore
from tests.helpers.runs import TINY, compose, evaluation_images, json_of, trained

# Some seconds of training are enough to restore pictures like those that the model has seen.
TRAINED = ("model=dense", "trainer.max_epochs=12", "data.train_size=1024")


def test_scores_against_a_reference_are_scikit_images(tmp_path: Path) -> None:
    clean = {"grey": data.camera()[:600:2, :130], "colour": data.astronaut()[:90, :80]}
    random = np.random.default_rng(0)
    for name, picture in clean.items():
        noisy = (picture + 25 * random.normal(size=picture.shape)).clip(0, 255).astype(np.uint8)
        save(tmp_path / "in" / "deep" / f"{name}.png", noisy)
        tifffile.imwrite(save(tmp_path / "clean/deep" / f"{name}.tif", picture), picture)
    save(tmp_path / "in" / "small.png", np.full((10, 40), 90, np.uint8))
    save(tmp_path / "clean" / "small.png", np.full((10, 40), 100, np.uint8))
    given = f"input={tmp_path}/in", f"reference={tmp_path}/clean", f"output={tmp_path}/out"
    reports = {report.task.name.stem: report for report in restore(*given)}
    for name, picture in clean.items():
        scores = reports[name].scores
        assert scores is not None
        paths = {"noisy": reports[name].task.source, "restored": reports[name].task.restored}
        for which, path in paths.items():
            found = np.asarray(Image.open(path))
            psnr = peak_signal_noise_ratio(picture, found, data_range=255)
            settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
            axis = -1 if picture.ndim == 3 else None
            ssim = structural_similarity(
                picture, found, data_range=255, channel_axis=axis, **settings
            )
            assert scores[which]["psnr"] == pytest.approx(psnr, abs=1e-3)
            assert scores[which]["ssim"] == pytest.approx(ssim, abs=1e-4)
            assert f"PSNR {psnr:.2f} dB" in reports[name].as_text()
    assert reports["small"].scores is not None
    assert reports["small"].scores["noisy"]["ssim"] is None


def test_ssim_in_strips_is_that_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = torch.rand(2, 3, 100, 40, generator=torch.Generator().manual_seed(0))
    whole = metrics.ssim(first[None], second[None]).item()
    monkeypatch.setattr("restoration.scores.ROWS", 17)
    assert scores(first, second)["ssim"] == pytest.approx(whole, abs=1e-6)


def test_a_reference_of_another_size_is_told_in_the_end(tmp_path: Path) -> None:
    save(tmp_path / "a.png", pixels(1))
    reference = save(tmp_path / "clean.png", pixels(1)[:-1])
    with pytest.raises(ValueError, match=r"1 of 1 failed: .*a.png has .* its reference"):
        restore(f"input={tmp_path}/a.png", f"reference={reference}", f"output={tmp_path}/out")
    assert not (tmp_path / "out").exists()


def test_a_photograph_is_unlike_garments_and_a_garment_is_not(tmp_path: Path) -> None:
    run = trained(*TRAINED)
    garments = evaluation_images(compose("train", *TINY), "test", 8).noisy[:, 0].numpy()
    for index, noisy in enumerate(garments):
        save(tmp_path / "in" / f"{index}.png", np.rint(255 * noisy).astype(np.uint8))
    random = np.random.default_rng(0)
    photograph = data.camera()[:200, :200] / 255
    for std in (0.0, 0.1, 0.5):
        noisy = (photograph + std * random.normal(size=photograph.shape)).clip(0, 1)
        save(tmp_path / "in" / f"photograph {std}.png", np.rint(255 * noisy).astype(np.uint8))
    given = f"input={tmp_path}/in", f"output={tmp_path}/out"
    reports = {r.task.name.stem: r for r in restore(*given, checkpoint=run.best)}
    unlike = {
        name for name, report in reports.items() if any("unlike" in w for w in report.warnings)
    }
    assert unlike == {f"photograph {std}" for std in (0.0, 0.1, 0.5)}
    assert all(reports[str(index)].noise_in_range for index in range(len(garments)))
    weak = reports["photograph 0.1"]
    assert weak.noise_std == pytest.approx(0.1, rel=0.1)
    assert weak.noise_in_range is False
    text = (tmp_path / "out" / "photograph 0.1.png.txt").read_text()
    assert "WARNING. This picture is unlike what the model was trained on" in text
    assert "the residual still shows the picture" in text
    assert "trained for standard deviations from 0.350 to 0.650" in text
    assert "tiles of 28 x 28" in text
    assert "WARNING" not in (tmp_path / "out" / "0.png.txt").read_text()
    content = json_of(tmp_path / "out" / "photograph 0.1.png.json")
    assert content["noise_std"] == weak.noise_std
    assert content["residual"] == weak.residual._asdict()
    assert content["warnings"] == weak.warnings
    noisy = read_picture(weak.task.source)
    mean = (noisy - read_picture(weak.task.restored)).mean().item()
    assert content["residual"]["mean"] == pytest.approx(mean, abs=1e-6)


NOISES: list[tuple[Noise, float, bool | None]] = [
    (Gaussian(0.5, clip=True), 0.4, True),
    (Gaussian(0.5, clip=False), 0.6, True),
    (Gaussian(0.5, clip=True), 0.34, False),
    (Blind(0.1, 0.4, clip=True), 0.2, True),
    (Blind(0.1, 0.4, clip=True), 0.06, False),
    (Blind(0, 0.4, clip=True), 0.0, True),
    (Blind(0.1, 0.4, clip=True), 0.55, False),
    (Poisson(4, clip=True), 0.5, None),
]


@pytest.mark.parametrize(("noise", "std", "in_range"), NOISES)
def test_range_of_the_training(
    noise: Noise, std: float, in_range: bool | None, tmp_path: Path
) -> None:
    even = np.full((1, 20, 20), 0.5, np.float32)
    draws = np.random.default_rng(0).normal(size=even.shape).astype(np.float32)
    noisy = (even + std * draws).clip(0, 1)
    task = Task(tmp_path, Path("a.png"), tmp_path / "a.png", None)
    training = Training("UNet", "Procedural", (1, 28, 28), True, noise)
    residual = residual_of(noisy, even, std)
    how = How("model", "best.ckpt", training)
    report = Report(task, how, (1, 20, 20), std, residual, None)
    assert report.noise_in_range is in_range
    assert len(report.warnings) == (in_range is False)
    assert ("noise of another kind" in report.as_text()) == (in_range is None)
    unknown = replace(report, noise_std=None)
    assert unknown.noise_in_range is None
    assert "its strength cannot be estimated" in unknown.as_text()


def test_noise_that_is_left_in_is_told_of(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    noisy = (0.5 + 0.1 * random.normal(size=(1, 64, 64))).astype(np.float32)
    task = Task(tmp_path, Path("a.png"), tmp_path / "a.png", None)
    training = Training("UNet", "Procedural", (1, 28, 28), True, Gaussian(0.1, clip=True))
    how = How("model", "best.ckpt", training)
    for share, told in ((0.1, True), (1.0, False)):
        residual = residual_of(noisy, noisy + np.float32(share) * (0.5 - noisy), 0.1)
        report = Report(task, how, (1, 64, 64), 0.1, residual, None)
        assert ["Most of the noise was left in" in w for w in report.warnings] == [True] * told


def test_black_pictures_and_single_pixels_have_reports(tmp_path: Path) -> None:
    """Their noise cannot be estimated. `write_json` refuses NaN."""
    save(tmp_path / "in" / "black.png", np.zeros((40, 50), np.uint8))
    save(tmp_path / "in" / "pixel.png", np.full((1, 1, 3), 99, np.uint8))
    for report in restore(f"input={tmp_path}/in", f"output={tmp_path}/out"):
        assert report.noise_std is None
        content = json_of(report.task.restored.with_name(f"{report.task.restored.name}.json"))
        assert content["noise_in_range"] is None
