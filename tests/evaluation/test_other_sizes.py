"""Fully convolutional models are scored and exported on images of another size than training's."""

import functools
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import export
from denoisers.checkpoint import load_model
from tests.helpers.runs import (
    CLASSIFIER,
    DENSE,
    VAE,
    Run,
    compose,
    composite,
    data_of,
    score_in,
    trained,
)

SMALL = {
    "conv_transposed": ("model.channels=[4,8]",),
    "conv_upsample": ("model.channels=[4,8]",),
    "unet": ("model.channels=[4,8]",),
    "dncnn": ("model.depth=3", "model.width=4"),
}
PICTURES = ("data.train_size=8", "data.val_size=4", "data.test_size=6", "data.channels=1")


@functools.cache
def pictures() -> Path:
    """Make a folder of pictures that are smooth, so that restoring them is something."""
    root = Path(tempfile.mkdtemp(prefix="other_sizes_"))
    y, x = np.mgrid[:80, :90]
    for number in range(5):
        grey = 128 + 100 * np.sin(x / (5 + number)) * np.cos(y / 7)
        Image.fromarray(grey.astype(np.uint8)).save(root / f"{number}.png")
    return root


def folder(crop: int) -> tuple[str, ...]:
    return ("data=folder", f"data.root={pictures()}", f"data.crop={crop}", *PICTURES)


def run_of(name: str) -> Run:
    """Trained on garments of 28 x 28 pixels."""
    return trained(f"model={name}", *SMALL[name], "trainer.max_epochs=1", "data.train_size=32")


@pytest.mark.parametrize("crop", [33, 17, 10, 64])
@pytest.mark.parametrize("name", SMALL)
def test_scores_are_those_of_what_the_model_restores(name: str, crop: int, tmp_path: Path) -> None:
    run = run_of(name)
    baselines = "fast" if name == "unet" else "none"  # which are the same for all models
    words = ("levels=[0.2]", f"baselines={baselines}")
    metrics = score_in(tmp_path, run.best, *folder(crop), *words)
    data = data_of(compose("train", *folder(crop)), "test")
    batch = data.eval_batch("test", torch.arange(data.size("test")))
    assert batch.clean.shape[1:] == (1, crop, crop)
    with torch.no_grad():
        restored = load_model(run.best)[0](batch.noisy)
    for found, images in (("test", restored), ("noisy_input", batch.noisy)):
        pairs = list(zip(batch.clean[:, 0].numpy(), images[:, 0].numpy(), strict=True))
        psnr = [peak_signal_noise_ratio(clean, image, data_range=1) for clean, image in pairs]
        assert metrics[found]["psnr"] == pytest.approx(np.mean(psnr), abs=1e-4)
        assert ("ssim" in metrics[found]) == (crop > 10)
        if crop > 10:
            ssim = [
                structural_similarity(
                    clean, image, data_range=1, gaussian_weights=True, sigma=1.5,
                    use_sample_covariance=False, full=True,
                )[1][5:-5, 5:-5].mean()
                for clean, image in pairs
            ]  # fmt: skip
            assert metrics[found]["ssim"] == pytest.approx(np.mean(ssim), abs=1e-4)
    assert metrics["images"] == {"scored": len(batch.clean), "of": len(batch.clean)}
    assert {row["images"] for row in metrics["noise_curve"]} == {len(batch.clean)}
    assert {path.name for path in tmp_path.glob("*.png")} >= {"strip.png", "extremes.png"}


@pytest.mark.parametrize(
    ("run", "words", "line"),
    [
        (DENSE, folder(33), r"checkpoint is for images of \(1, 28, 28\), the data has \(1, 33"),
        (VAE, folder(33), r"checkpoint is for images of \(1, 28, 28\), the data has \(1, 33"),
        (CLASSIFIER, folder(33), r"checkpoint is for images of \(1, 28, 28\), the data has"),
        (None, folder(33), r"checkpoint is for images of \(1, 28, 28\), the data has"),
        (
            ("model=unet", *SMALL["unet"], "trainer.max_epochs=1", "data.train_size=32"),
            (*folder(33), "data.channels=3"),
            r"checkpoint is for images of \(1, 28, 28\), the data has \(3, 33, 33\)",
        ),
    ],
    ids=["dense", "vae", "classifier", "composite", "channels"],
)
def test_what_cannot_take_them_is_refused(
    run: tuple[str, ...] | None, words: tuple[str, ...], line: str, tmp_path: Path
) -> None:
    checkpoint = trained(*(run or composite())).best
    with pytest.raises(ValueError, match=line):
        score_in(tmp_path / "scores", checkpoint, *words)
    assert not (tmp_path / "scores").exists()


def test_a_judge_of_another_size_is_refused_by_its_name(tmp_path: Path) -> None:
    judge = f"classifier={trained(*CLASSIFIER).best}"
    with pytest.raises(ValueError, match=r"^classifier is for images of \(1, 28, 28\)"):
        score_in(tmp_path, run_of("unet").best, *folder(33), judge)


def test_an_export_is_checked_on_images_of_another_size(tmp_path: Path) -> None:
    """Of the same channels, where the model takes any size."""
    words = [f"output={tmp_path / 'm.safetensors'}", "format=safetensors", *folder(33)]
    words += ["noise=gaussian"]
    export.export(compose("export", f"checkpoint={run_of('unet').best}", *words))
    assert (tmp_path / "m.safetensors").is_file()
    words[0] = f"output={tmp_path / 'd.safetensors'}"
    refused = compose("export", f"checkpoint={trained(*DENSE).best}", *words)
    with pytest.raises(ValueError, match=r"data has images of \(1, 33, 33\), not of"):
        export.export(refused)
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]
