"""Images of one value or of one pixel, a single image, and a last batch of one in every pipeline.

numpy's warnings about empty means and divisions are errors here."""

import csv
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from omegaconf import DictConfig, open_dict
from pytorch_lightning import Callback, LightningModule, Trainer
from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
    EventAccumulator,
)
from torch import Tensor

import eval
import train
from baselines.tuning import baselines
from datamodules.labelled_images import LabelledImages
from datamodules.noise import Gaussian, Noise
from tests.helpers.models import new_data, new_model, quiet_trainer
from tests.helpers.odd_images import assert_no_nan
from tests.helpers.runs import CPU, Run, compose

Pixels = Literal["black", "white", "constant", "random"]
pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("error:constrained_layout not applied:UserWarning"),
    pytest.mark.filterwarnings("error:std.*degrees of freedom:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*the posterior has collapsed"),
]


class OddImages(LabelledImages):
    """Images of any size. Only three of the ten classes have images.

    Args:
        pixels: All 0, all 255, a value for each image, or one for each pixel.
        shape: C, H and W of the images.
    """

    class_names = tuple("0123456789")

    def __init__(
        self,
        noise: Noise,
        pixels: Pixels,
        shape: list[int],
        train_size: int,
        val_size: int,
        test_size: int,
        batch_size: int,
        eval_seed: int,
        num_workers: int,
        seed: int,
    ) -> None:
        self.train_count = train_size + val_size
        super().__init__(noise, batch_size, val_size, eval_seed, num_workers, seed)
        channels, height, width = shape
        self.image_shape = channels, height, width
        self.pixels = pixels
        self.test_count = test_size

    def load(self, test: bool) -> tuple[Tensor, Tensor]:
        count = self.test_count if test else self.train_count
        shape = (count, *self.image_shape)
        random = torch.Generator().manual_seed(int(test))
        drawn = torch.randint(256, shape, generator=random)
        images = {
            "black": torch.zeros(shape),
            "white": torch.full(shape, 255),
            "constant": drawn[:, :1, :1, :1].expand(shape).contiguous(),
            "random": drawn,
        }[self.pixels]
        return images.to(torch.uint8), torch.arange(count) % 3


def odd(
    pixels: Pixels, shape: tuple[int, int, int], sizes: tuple[int, int, int], batch_size: int
) -> dict[str, Any]:
    """Return the data's node of a config. The sizes are those of train, val and test split."""
    settings = {"pixels": pixels, "shape": list(shape), "batch_size": batch_size}
    names = ("train_size", "val_size", "test_size")
    fixed = {"eval_seed": 0, "num_workers": 0, "seed": 0}
    return settings | dict(zip(names, sizes, strict=True)) | fixed


def config(name: str, data: dict[str, Any], *overrides: str) -> DictConfig:
    """Compose the config of `name`.py with odd images."""
    cfg = compose(name, "data=procedural", "noise=gaussian", *overrides)
    with open_dict(cfg):
        cfg.data = {"_target_": "tests.reliability.test_odd_images.OddImages"} | data
    return cfg


def trained(directory: Path, data: dict[str, Any], *overrides: str) -> Run:
    return Run(directory, train.train(config("train", data, *CPU, *overrides), directory))


def run_all(directory: Path, data: dict[str, Any], model: str) -> dict[str, Any]:
    """Train a model and a classifier, score them in every way, and return the scores."""
    shown = "trainer.logger=true"  # so that TensorBoard has pictures
    run = trained(directory / "run", data, f"model={model}", "trainer.max_epochs=2", shown)
    overrides = [f"checkpoint={run.best}", "trainer.accelerator=cpu", "levels=[0.0,0.5]"]
    if model != "classifier":
        judge = trained(directory / "judge", data, "model=classifier", "trainer.max_epochs=1")
        overrides.append(f"classifier={judge.best}")
    return eval.evaluate(config("eval", data, *overrides), directory / "eval")


def test_the_images_here_are_odd() -> None:
    for pixels, spread in (("black", 0), ("white", 0), ("constant", 0), ("random", 30)):
        data = OddImages(Gaussian(0.5, True), **odd(pixels, (1, 4, 5), (6, 2, 3), 2))  # type: ignore[arg-type]
        images, _ = data.load(test=False)
        assert images.shape == (8, 1, 4, 5)
        assert images.double().flatten(1).std(1).min() >= spread
        assert (images.double().flatten(1).std(1).max() == 0) == (spread == 0)


@pytest.mark.parametrize(
    ("model", "pixels", "shape"),
    [
        ("vae", "random", (1, 1, 1)),
        ("unet", "white", (1, 28, 1)),
        ("vae", "black", (3, 1, 28)),
        ("dncnn", "constant", (1, 2, 2)),
        ("classifier", "random", (1, 28, 1)),
        ("conv_transposed", "black", (1, 11, 12)),
    ],
)
def test_odd_images_are_trained_on_and_scored(
    model: str, pixels: Pixels, shape: tuple[int, int, int], tmp_path: Path
) -> None:
    metrics = run_all(tmp_path, odd(pixels, shape, sizes=(5, 2, 4), batch_size=2), model)
    assert_no_nan(tmp_path)
    # An undefined measure is absent: images under 11 pixels have no SSIM.
    has_ssim = min(shape[1:]) >= 11
    tables = (tmp_path / "eval" / "metrics.txt").read_text()
    assert ("SSIM" in tables) == (has_ssim and model != "classifier")
    rows = list(csv.DictReader((tmp_path / "eval" / "noise_curve.csv").open()))
    assert rows
    assert all(bool(row["ssim"]) == has_ssim for row in rows)
    assert all(("ssim" in row) == has_ssim for row in metrics["noise_curve"])
    # Classes without images have no row.
    assert [*metrics["by_class"]] == ["0", "1", "2"]
    if model != "classifier":
        assert len(metrics["baselines"]) == 7
        assert ("ssim" in metrics["test"]) == has_ssim


def test_a_single_image_is_enough_for_each_split(tmp_path: Path) -> None:
    data = odd("random", (1, 28, 28), sizes=(1, 1, 1), batch_size=1)
    metrics = run_all(tmp_path, data, "vae")
    assert_no_nan(tmp_path)
    (row,) = csv.DictReader((tmp_path / "eval" / "per_image.csv").open())
    assert float(row["psnr"]) == pytest.approx(metrics["test"]["psnr"], abs=1e-4)
    assert metrics["by_class"]["0"]["psnr"] == pytest.approx(metrics["test"]["psnr"], rel=1e-6)
    task = metrics["task"]["accuracy"]["restored"]
    assert 0 <= task["low"] <= task["accuracy"] <= task["high"] <= 1
    assert task["high"] - task["low"] > 0.5  # the interval is wide for one image
    assert metrics["vae"]["active_units"] == 0  # nothing varies between images
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"), {"images": 0}).Reload()
    shown = [*events.Tags()["images"]]
    assert shown == [
        "validation_images",
        "vae/samples",
    ]  # an interpolation would need a second image


class Batches(Callback):
    """Records the size and the loss of each training batch."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.losses: list[float] = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.sizes.append(len(batch.clean))
        self.losses.append(outputs["loss"].item())


@pytest.mark.parametrize("model", ["dense", "vae", "conv_transposed"])
def test_a_last_batch_of_one_image_counts_as_one_image(model: str) -> None:
    """With 129 images in batches of 128, the epoch's loss is the mean over images, not batches."""
    data = new_data(train_size=129, batch_size=128)
    network, batches = new_model(model), Batches()
    trainer = quiet_trainer(max_epochs=1, callbacks=[batches])
    trainer.fit(network, data)
    assert batches.sizes == [128, 1]
    expected = np.dot(batches.sizes, batches.losses) / 129
    assert trainer.callback_metrics["train/loss"].item() == pytest.approx(expected, rel=1e-5)
    assert all(value.isfinite().all() for value in network.state_dict().values())


# Baselines


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 28, 1), (3, 1, 28), (1, 2, 2), (1, 5, 7)])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("std", [0.0, 0.5])
def test_baselines_restore_odd_images(shape: tuple[int, int, int], count: int, std: float) -> None:
    for pixels in ("black", "white", "constant", "random"):
        noise = Gaussian(std, clip=True)
        settings = odd(pixels, shape, (count, count, count), 1)  # type: ignore[arg-type]
        data = OddImages(noise, **settings)
        data.setup("fit")
        validation = data.eval_batch("val", torch.arange(count))
        for baseline in baselines("fast", data.fitting_batch, validation, noise):
            restored = baseline.restore(validation.noisy)
            assert restored.shape == validation.clean.shape
            assert restored.isfinite().all(), (baseline.name, pixels)
            assert 0 <= restored.min() <= restored.max() <= 1
            if baseline.name == "linear (Wiener)" and pixels in ("black", "white"):
                # Pixels that never varied in training are restored as they always were.
                assert torch.allclose(restored, validation.clean, atol=1e-6)
