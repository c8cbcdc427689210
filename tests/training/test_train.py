"""What a training run writes and returns, and how far its seed and settings decide it."""

import json
import math
from pathlib import Path
from shutil import which

import pytest
import torch
from matplotlib.image import imread
from pytorch_lightning.callbacks import Callback
from safetensors import safe_open
from safetensors.torch import load_file
from torch._dynamo.utils import counters
from torch._inductor import config as inductor

import train
from denoisers.base import ImageModel
from denoisers.checkpoint import load_model
from denoisers.metrics import psnr
from groundwork.batch import Batch
from tests.helpers.callbacks import gradient_norms
from tests.helpers.runs import (
    BATCHES,
    CLASSIFIER,
    CPU,
    DENSE,
    QUICK,
    SMALL_DENSE,
    SPOIL,
    TINY,
    VAE,
    best_median_psnr,
    compose,
    contents,
    evaluation_images,
    read,
    same,
    train_in,
    trained,
    untimed,
)


def score(model: ImageModel, batch: Batch) -> float:
    """Return the PSNR of what a denoiser restores from a batch, in dB."""
    with torch.no_grad():
        return psnr(model(batch.noisy), batch.clean).mean().item()


def test_a_run_leaves_its_files_whole() -> None:
    run = trained(*DENSE)
    names = contents(run.directory).keys()
    assert names >= {
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
        "checkpoints/best.safetensors",
        "metrics.json",
        "metrics.txt",
        "history.csv",
        "curves.png",
        "samples.png",
        "run.json",
    }
    assert any("tfevents" in name for name in names)
    assert not [name for name in names if name.endswith(".part")]
    for name in ("curves.png", "samples.png"):
        assert imread(run.directory / name).std() > 0.05  # not a blank page


def test_the_returned_number_is_the_best_epochs_monitored_metric() -> None:
    run = trained(*DENSE)
    best = max(run.history, key=lambda row: row["val/psnr"])
    assert run.returned == run.metrics["validation"]["psnr"] == best["val/psnr"]
    assert run.metrics["best_epoch"] == best["epoch"]
    assert run.metrics["monitor"] == "val/psnr"
    classifier = trained(*CLASSIFIER)
    assert classifier.returned == max(row["val/accuracy"] for row in classifier.history)
    assert classifier.returned == classifier.metrics["validation"]["accuracy"]


def test_history_has_a_row_for_each_epoch() -> None:
    rows = trained(*DENSE).history
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert [row["step"] for row in rows] == [BATCHES, 2 * BATCHES, 3 * BATCHES]
    assert rows[0].keys() == {
        *("epoch", "step", "seconds", "images_per_s", "learning_rate", "train/loss"),
        *("val/loss", "val/psnr", "val/ssim", "val/mse", "val/mae"),
    }
    assert rows[2]["train/loss"] < rows[0]["train/loss"]
    for row in rows:
        assert row["seconds"] * row["images_per_s"] == pytest.approx(256)


@pytest.mark.skipif(which("c++") is None, reason="torch.compile needs a C++ compiler on a CPU")
def test_compiling_changes_the_speed_alone(tmp_path: Path) -> None:
    counters.clear()
    few = (*QUICK, "data.train_size=192")
    # Processes that compile would import torch first, and vectors make the compiler slower.
    with inductor.patch({"compile_threads": 1, "cpp.simdlen": 1}):
        compiled = train_in(tmp_path, *few, "compile=true")
    eager = train_in(tmp_path / "eager", *few)
    assert counters["stats"]["unique_graphs"] == 2  # of the whole batch and of the last one
    expected = pytest.approx(untimed(eager.history)[0], rel=1e-3, abs=1e-4)
    assert untimed(compiled.history)[0] == expected
    weights = [load_model(run.best)[0].state_dict().keys() for run in (compiled, eager)]
    assert weights[0] == weights[1]


def test_the_learning_rate_falls_linearly() -> None:
    run, optimizer = trained(*VAE), compose("train", *VAE).model.optimizer
    assert [row["learning_rate"] for row in run.history] == pytest.approx(
        [optimizer.lr * (1 - epoch / 3) for epoch in range(3)]
    )


def test_the_learning_rate_decays_each_epoch() -> None:
    run = trained(*DENSE)
    optimizer = compose("train", *DENSE).model.optimizer
    assert [row["learning_rate"] for row in run.history] == pytest.approx(
        [optimizer.lr * optimizer.lr_decay**epoch for epoch in range(3)]
    )


def test_metrics_say_what_was_run() -> None:
    run = trained(*DENSE)
    metrics = run.metrics
    checkpoint = read(run.best)
    assert metrics["run_id"] == checkpoint["run"]["run_id"]
    assert metrics["run_id"] == json.loads((run.directory / "run.json").read_text())["run_id"]
    assert metrics["parent_id"] is None
    model, _ = load_model(run.best)
    assert metrics["parameters"] == sum(parameter.numel() for parameter in model.parameters())
    assert (metrics["seed"], metrics["device"], metrics["epochs"]) == (0, "cpu", 3)
    assert torch.__version__.startswith(metrics["versions"]["torch"])
    assert metrics["command"].startswith("python ")
    assert metrics["seconds"]["training"] == pytest.approx(sum(r["seconds"] for r in run.history))
    table = (run.directory / "metrics.txt").read_text()
    assert f"{metrics['test']['psnr']:.4f}" in table
    assert f"{metrics['test']['noisy_psnr']:.4f}" in table


def test_safetensors_hold_the_best_weights() -> None:
    run = trained(*DENSE)
    file = run.directory / "checkpoints" / "best.safetensors"
    assert same(load_file(file), dict(read(run.best)["state_dict"]))
    with safe_open(file, "pt") as opened:  # type: ignore[no-untyped-call]
        assert opened.metadata()["model"] == compose("train", *DENSE).model["_target_"]


def test_the_best_epoch_is_kept_where_a_later_one_is_worse(tmp_path: Path) -> None:
    run = train_in(tmp_path, "model=dense", "trainer.max_epochs=2", SPOIL.format(0))
    assert [read(path)["epoch"] for path in (run.best, run.last)] == [0, 1]
    first, second = (row["val/psnr"] for row in run.history)
    assert run.returned == first > second
    assert run.metrics["best_epoch"] == 1
    batch = evaluation_images(compose("train", *TINY), "test")
    assert run.metrics["test"]["psnr"] == pytest.approx(score(load_model(run.best)[0], batch))


@pytest.mark.parametrize(("patience", "epochs"), [("1", 2), ("null", 3)])
def test_early_stopping_waits_for_an_improvement(
    patience: str, epochs: int, tmp_path: Path
) -> None:
    stopping = (f"early_stopping.patience={patience}", "early_stopping.min_delta=99")
    run = train_in(tmp_path, *SMALL_DENSE, "trainer.max_epochs=3", *stopping)
    assert len(run.history) == epochs


def test_trainer_options_are_passed_on(tmp_path: Path) -> None:
    options = ["trainer.max_epochs=2", "trainer.limit_train_batches=1"]
    options += ["trainer.accumulate_grad_batches=2", "trainer.limit_val_batches=1"]
    sizes = ["data.val_size=200", "data.batch_size=32"]
    run = train_in(tmp_path, *SMALL_DENSE, *sizes, *options)
    assert [row["step"] for row in run.history] == [1, 2]
    assert [row["images_per_s"] * row["seconds"] for row in run.history] == pytest.approx([32] * 2)
    batch = evaluation_images(compose("train", *TINY, *sizes), "val", 128)
    assert run.returned == pytest.approx(score(load_model(run.best)[0], batch))


def test_epochs_without_validation_claim_none(tmp_path: Path) -> None:
    options = ["trainer.max_epochs=3", "trainer.check_val_every_n_epoch=2"]
    run = train_in(tmp_path, *SMALL_DENSE, *options)
    assert [row["epoch"] for row in run.history if "val/psnr" in row] == [2]
    assert run.metrics["best_epoch"] == read(run.best)["epoch"] + 1 == 2
    assert run.returned == run.history[1]["val/psnr"]


def test_gradients_are_clipped_and_callbacks_called(tmp_path: Path) -> None:
    norms = {}
    for clip in ("null", "0.01"):
        file = tmp_path / f"norms-{clip}.txt"
        probe = (
            f"trainer.callbacks=[{{_target_:tests.helpers.callbacks.GradientNorms,file:{file}}}]"
        )
        train_in(tmp_path / clip, *QUICK, f"trainer.gradient_clip_val={clip}", probe)
        norms[clip] = gradient_norms(file)
    assert len(norms["null"]) == BATCHES
    assert min(norms["null"]) > 0.1
    assert max(norms["0.01"]) == pytest.approx(0.01, rel=1e-3)


def test_the_seed_decides_every_bit(tmp_path: Path) -> None:
    run = trained(*DENSE)
    torch.rand(7)  # what the process has drawn before does not matter
    silent = "trainer.logger=false"  # which draws no pictures, and changes no bit either
    again = train_in(tmp_path / "again", *DENSE, silent)
    assert same(read(run.last)["state_dict"], read(again.last)["state_dict"])
    assert untimed(run.history) == untimed(again.history)
    assert run.metrics["test"] == again.metrics["test"]
    assert run.metrics["run_id"] != again.metrics["run_id"]
    other = train_in(tmp_path / "other", *DENSE, silent, "seed=1")
    assert not same(read(run.last)["state_dict"], read(other.last)["state_dict"])
    assert run.metrics["test"]["noisy_psnr"] == other.metrics["test"]["noisy_psnr"]


def test_a_run_leaves_the_process_as_it_was(tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train_in(tmp_path, *QUICK, "trainer.deterministic=true")
    assert torch.equal(torch.rand(3), expected)
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_directory_that_holds_a_run_is_refused_and_left_alone() -> None:
    run = trained(*DENSE)
    before = contents(run.directory)
    with pytest.raises(ValueError, match="already holds a run"):
        train_in(run.directory, "model=vae", "trainer.max_epochs=1", "trainer.logger=true")
    assert contents(run.directory) == before


def test_a_fast_dev_run_tries_one_batch_and_saves_nothing(tmp_path: Path) -> None:
    run = train_in(tmp_path, "model=dense", "trainer.fast_dev_run=true")
    assert math.isfinite(run.returned)
    names = contents(tmp_path).keys()
    assert not [name for name in names if name.startswith("checkpoints") or name == "metrics.json"]


def test_a_short_training_on_real_images_beats_a_median_filter(
    fashion_mnist_root: Path, tmp_path: Path
) -> None:
    overrides = ["data=fashion_mnist", f"data.root={fashion_mnist_root}", *CPU]
    cfg = compose(
        "train",
        *overrides,
        "trainer.max_epochs=1",
        "trainer.limit_train_batches=40",
        "trainer.limit_val_batches=1",
        "trainer.limit_test_batches=1",
    )
    train.train(cfg, tmp_path)
    test = json.loads((tmp_path / "metrics.json").read_text())["test"]
    assert test["psnr"] > test["noisy_psnr"] + 5
    batch = evaluation_images(cfg, "test", 500)
    model, _ = load_model(tmp_path / "checkpoints" / "best.ckpt")
    assert score(model, batch) > best_median_psnr(batch) + 1.5


class Counted(Callback):
    made = 0

    def __init__(self) -> None:
        Counted.made += 1


def test_a_callback_from_the_config_is_made_once(tmp_path: Path) -> None:
    Counted.made = 0
    callbacks = "trainer.callbacks=[{_target_:tests.training.test_train.Counted}]"
    cfg = compose("train", *TINY, "model=dense", "trainer.fast_dev_run=true", callbacks)
    train.train(cfg, tmp_path)
    assert Counted.made == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="torch then has nothing to put off")
def test_a_step_leaves_nothing_behind_for_devices_that_are_absent(tmp_path: Path) -> None:
    """torch.manual_seed would leave a call with a trace of the stack, slower than a small step."""
    torch.manual_seed(0)  # as Lightning does once, at the start
    before = len(torch.cuda._queued_calls)
    train_in(tmp_path, *TINY, "model=classifier", "trainer.max_epochs=3")
    assert len(torch.cuda._queued_calls) - before < 3 * BATCHES
