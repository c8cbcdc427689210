"""The contestants of benchmarks.time_to_quality: their curves are of the weights and the clock."""

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.from_config import data_and_model
from benchmarks.time_to_quality import by_train, contestants
from benchmarks.time_to_quality.__main__ import write_images
from benchmarks.time_to_quality.curve import Curve, Task, mean_psnr
from benchmarks.training import KERAS
from denoisers.metrics import psnr
from tests.helpers.runs import TINY, compose, json_of, score_in

SLOW = "trainer.callbacks=[{{_target_:tests.helpers.slow_validation.SlowValidation,file:{}}}]"


def task(folder: Path, data: tuple[str, ...], *overrides: str, **settings: Any) -> Task:
    """Return a task in a folder, with its test images."""
    write_images(data, folder / "test.npz")
    return Task(
        images=str(folder / "test.npz"),
        result=str(folder / "curve.json"),
        folder=str(folder / "run"),
        seed=3,
        overrides=[*data, *overrides],
        **settings,
    )


def test_the_mean_is_over_the_psnr_of_each_image() -> None:
    random = np.random.default_rng(0)
    clean = random.random((5, 1, 8, 8), np.float32)
    restored = (clean + random.normal(0, 0.1, clean.shape).astype(np.float32)).clip(0, 1)
    restored[2] = clean[2]  # perfect
    expected = psnr(torch.from_numpy(restored), torch.from_numpy(clean))
    assert expected[2] == 100
    assert mean_psnr(restored, clean) == pytest.approx(expected.mean().item(), abs=1e-4)
    last = np.moveaxis(restored, 1, -1)  # Keras has the channels there
    assert mean_psnr(last, np.moveaxis(clean, 1, -1)) == pytest.approx(mean_psnr(restored, clean))


def test_the_clock_stands_in_pauses(tmp_path: Path) -> None:
    images = np.full((2, 1, 4, 4), 0.5, np.float32)
    np.savez(tmp_path / "test.npz", noisy=images, clean=images + 0.1)
    curve = Curve(str(tmp_path / "test.npz"), str(tmp_path / "curve.json"), versions={"it": "1"})
    start = time.perf_counter()
    curve.go_on()
    time.sleep(0.05)
    curve.pause()
    time.sleep(0.2)
    curve.measure(7, lambda noisy: noisy)
    curve.go_on()
    time.sleep(0.05)
    curve.pause()
    passed = time.perf_counter() - start
    curve.measure(14, lambda noisy: noisy + 0.1)
    written = json_of(tmp_path / "curve.json")
    assert written["versions"] == {"it": "1"}
    first, second = written["points"]
    assert (first["step"], second["step"]) == (7, 14)
    assert (first["psnr"], second["psnr"]) == (pytest.approx(20, abs=1e-3), 100)
    assert first["seconds"] >= 0.05
    assert first["seconds"] + 0.05 <= second["seconds"] <= passed - 0.2


def test_ours_is_measured_as_eval_measures_it_and_the_clock_leaves_validation_out(
    tmp_path: Path,
) -> None:
    slow = SLOW.format(tmp_path / "slow.json")
    by_train.fit(task(tmp_path, TINY, "model=dense", slow, epochs=2, steps=1))
    points = json_of(tmp_path / "curve.json")["points"]
    assert [point["step"] for point in points] == [1, 2]
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    scored = score_in(tmp_path / "scores", last)["test"]["psnr"]
    assert points[-1]["psnr"] == pytest.approx(scored, abs=1e-4)
    assert points[0]["psnr"] != pytest.approx(scored, abs=1e-3)

    seconds = points[-1]["seconds"]
    slept = json_of(tmp_path / "slow.json")
    assert slept["naps"] > 0
    assert points[0]["seconds"] < seconds < slept["with_naps"] - slept["naps"]
    assert json_of(tmp_path / "run" / "run.json")["seed"] == 3


def test_a_config_keeps_its_epochs_unless_others_are_asked_for() -> None:
    assert compose("train").trainer.max_epochs == contestants.EPOCHS
    for name, epochs in (("default", None), ("textbook", 15), ("Keras", 15)):
        assert contestants.KNOWN[name].epochs == epochs


@pytest.mark.usefixtures("fashion_mnist_root")
def test_the_textbook_is_measured_with_its_weights(tmp_path: Path) -> None:
    from benchmarks.time_to_quality import by_textbook

    by_textbook.fit(task(tmp_path, (), "model=dense", epochs=1, steps=3))
    (point,) = json_of(tmp_path / "curve.json")["points"]
    assert point["step"] == 3
    assert point["seconds"] > 0
    (checkpoint,) = (tmp_path / "run").rglob("*.ckpt")  # Lightning's own
    weights = torch.load(checkpoint, weights_only=False)["state_dict"]
    data, model = data_and_model(["model=dense"])
    model.load_state_dict({name.removeprefix("network."): v for name, v in weights.items()})
    data.setup("test")
    test = data.eval_batch("test", torch.arange(data.size("test")))
    with torch.no_grad():
        restored = model.eval()(test.noisy)
    assert point["psnr"] == pytest.approx(psnr(restored, test.clean).mean().item(), abs=1e-4)


@pytest.mark.skipif(not KERAS.exists(), reason="Keras has no environment: see `make keras`")
@pytest.mark.usefixtures("fashion_mnist_root")
def test_keras_trains_and_is_measured(tmp_path: Path) -> None:
    write_images(TINY, tmp_path / "test.npz")  # a few, of the same size
    keras = contestants.KNOWN["Keras"]
    run = contestants.run(keras, 0, tmp_path / "test.npz", (), epochs=2, steps=2)
    first, second = run["points"]
    assert (first["step"], second["step"]) == (2, 4)
    assert 0 < first["seconds"] < second["seconds"]
    assert 3 < first["psnr"] < 30
    assert run["versions"].keys() == {"keras", "tensorflow"}


def test_a_run_that_fails_is_reported_with_what_it_said(tmp_path: Path) -> None:
    broken = contestants.Contestant("broken", "no_such_module")
    with pytest.raises(RuntimeError, match=r"(?s)broken, seed 1, has failed.*no_such_module"):
        contestants.run(broken, 1, tmp_path / "test.npz", (), epochs=1, steps=1)


def test_the_numbers_are_finite_in_the_file(tmp_path: Path) -> None:
    """JSON has no NaN, so a curve of broken weights fails in place of being written."""
    images = np.full((2, 1, 4, 4), 0.5, np.float32)
    np.savez(tmp_path / "test.npz", noisy=images, clean=images)
    curve = Curve(str(tmp_path / "test.npz"), str(tmp_path / "curve.json"))
    with pytest.raises(ValueError, match="JSON"):
        curve.measure(1, lambda noisy: noisy * math.nan)
