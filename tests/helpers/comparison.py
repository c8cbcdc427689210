"""Directories such as train.py and eval.py leave, written without training anything."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CLASSES = {"dense": "Dense", "vae": "VAE", "conv_transposed": "ConvTransposed"}
LEVELS = [0.1, 0.3, 0.5, 0.7, 0.9]
DATA = {
    "_target_": "datamodules.mnist.FashionMNIST",
    "root": None,
    "batch_size": 128,
    "val_size": 5000,
    "eval_seed": 0,
    "num_workers": 0,
}
TRAINER = {"_target_": "pytorch_lightning.Trainer", "max_epochs": 15, "precision": None}


def gaussian(std: float) -> dict[str, Any]:
    return {"_target_": "datamodules.noise.Gaussian", "std": std, "clip": True}


def noisy_psnr(count: int, std: float) -> NDArray[np.float64]:
    """Return the noisy images' PSNR at a level in dB, the same in all evaluations."""
    return -20 * np.log10(std) + 3 + np.random.default_rng(0).normal(0, 1, count)


def write_run(
    directory: Path,
    run_id: str,
    model: str = "dense",
    seed: int = 0,
    std: float = 0.5,
    psnr: float = 19.0,
    seconds: float = 60.0,
    started: str = "2026-01-31T12:00:00+00:00",
    data: dict[str, Any] | None = None,
    noise: dict[str, Any] | None = None,
    split: str = "bf279271349aa7a9",
    finished: bool = True,
    objective: dict[str, Any] | None = None,
    trainer: dict[str, Any] | None = None,
    patience: int | None = 5,
    **settings: Any,
) -> None:
    """Write a training run. objective: None if its record knows of none. settings: of the model."""
    directory.mkdir(parents=True)
    target = f"denoisers.{model}.{CLASSES[model]}"
    node = {"_target_": target, "loss": "mse", "seed": seed} | settings
    record = {
        "run_id": run_id,
        "parent_id": None,
        "seed": seed,
        "split": split,
        "model": node,
        "data": DATA | {"seed": seed} | (data or {}),
        "noise": noise or gaussian(std),
        "trainer": TRAINER | (trainer or {}),
        "early_stopping": {"patience": patience, "min_delta": 0.0},
        "started": started,
    }
    if objective:
        record["objective"] = objective
    write_json(directory / "run.json", record)
    if not finished:
        return
    metrics = {
        "run_id": run_id,
        "model": target,
        "parameters": 1_000_000,
        "seed": seed,
        "epochs": 15,
        "test": {"psnr": psnr, "ssim": psnr / 30, "loss": 10.0},
        "seconds": {"training": seconds, "total": seconds + 1},
    }
    write_json(directory / "metrics.json", metrics)
    history = [(epoch, psnr - 3 / epoch) for epoch in range(1, 16)]
    write_csv(directory / "history.csv", ("epoch", "val/psnr"), history)


def write_evaluation(
    directory: Path,
    run_id: str,
    psnr: NDArray[np.float64],
    std: float = 0.5,
    trained: float = 0.5,
    trained_levels: tuple[float, float] | None = None,
    ms_per_image: float = 0.1,
    started: str = "2026-01-31T13:00:00+00:00",
    split: str = "test",
    data: dict[str, Any] | None = None,
    noise: dict[str, Any] | None = None,
    accuracy: dict[str, float] | None = None,
) -> None:
    """Write an evaluation. psnr: of each image. trained: the level at which its curve is best."""
    directory.mkdir(parents=True)
    write_json(directory / "run.json", {"run_id": run_id})
    metrics = {
        "run_id": run_id,
        "checkpoint": "best.ckpt",
        "split": split,
        "data": DATA | (data or {}),
        "noise": noise or gaussian(std),
        "trained_levels": trained_levels,
        "test": {"psnr": float(psnr.mean()), "ssim": float(psnr.mean()) / 30},
        "accuracy": accuracy or {},
        "timings": {"started": started, "seconds": 1.0, "ms_per_image": ms_per_image},
    }
    write_json(directory / "metrics.json", metrics)
    noisy = noisy_psnr(len(psnr), std)
    rows = [
        (index, index % 10, f"{before:.6g}", "", f"{after:.6g}", "", "")
        for index, (before, after) in enumerate(zip(noisy.tolist(), psnr.tolist(), strict=True))
    ]
    names = ("index", "label", "noisy_psnr", "noisy_ssim", "psnr", "ssim", "predicted")
    write_csv(directory / "per_image.csv", names, rows)
    curve = []
    for level in LEVELS:
        before = noisy_psnr(len(psnr), level).mean()
        after = before + 10 - 12 * abs(level - trained) - (19 - psnr.mean())
        for method, mean in (("noisy input", before), ("model", after), ("median", before + 5)):
            curve.append(("Gaussian", level, method, len(psnr), mean, "", ""))
    names = ("noise", "level", "method", "images", "psnr", "ssim", "accuracy")
    write_csv(directory / "noise_curve.csv", names, curve)


def write_json(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content))


def write_csv(file: Path, names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with file.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(names)
        writer.writerows(rows)
