"""`make demo`: its commands run, and its model beats the noisy image and a median filter."""

import subprocess
from pathlib import Path

import train
from tests.helpers.runs import CPU, ROOT, best_median_psnr, compose, evaluation_images, json_of


def test_make_demo_trains_and_scores() -> None:
    listed = subprocess.run(
        ["make", "-n", "demo"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    first, second = (line for line in listed.splitlines() if ".py" in line and "echo" not in line)
    assert "train.py experiment=demo hydra.run.dir=" in first
    directory = first.rpartition("=")[2]
    assert f"eval.py checkpoint={directory}/checkpoints/best.ckpt" in second


def test_a_short_demo_beats_a_median_filter(tmp_path: Path) -> None:
    short = [
        "trainer.max_epochs=2",
        "data.train_size=2500",
        "data.val_size=200",
        "data.test_size=300",
    ]
    cfg = compose("train", "experiment=demo", *CPU, *short)
    train.train(cfg, tmp_path)
    test = json_of(tmp_path / "metrics.json")["test"]
    assert test["psnr"] > test["noisy_psnr"] + 5
    assert test["psnr"] > best_median_psnr(evaluation_images(cfg, "test")) + 1.5
