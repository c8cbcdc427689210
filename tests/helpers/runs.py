"""Tiny runs that the tests of the entry points share, and how the tests make them in-process."""

import csv
import functools
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra
import torch
from omegaconf import DictConfig
from scipy.ndimage import median_filter  # type: ignore[import-untyped]
from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
    EventAccumulator,
)
from torch import Tensor

import eval
import train
from cli import checkpoint_options
from cli.config import build
from datamodules.images import ImageDataModule, Split
from denoisers.metrics import psnr
from groundwork.batch import Batch
from groundwork.files import REPOSITORY
from tests.helpers import warm
from tests.helpers.shared import once

ROOT = REPOSITORY
CPU = ("trainer.accelerator=cpu", "trainer.enable_progress_bar=false", "trainer.logger=false")
SIZES = ("data.train_size=256", "data.val_size=64", "data.test_size=64")
TINY = ("data=procedural", *SIZES, *CPU)
QUICK_SCORE = ("baselines=none", "levels=[]")
OPEN = "model.optimizer.schedule=exponential"  # of a run that can be extended
BATCHES = 2  # that the default batch size makes of 256 images

SPOIL = "trainer.callbacks=[{{_target_:tests.helpers.callbacks.Spoil,epoch:1,value:{}}}]"

# Runs that several files look at; each is trained once.
DENSE = ("model=dense", OPEN, "trainer.max_epochs=3", "trainer.logger=true")
VAE = ("model=vae", "trainer.max_epochs=3")
CLASSIFIER = ("model=classifier", "trainer.max_epochs=3")
CONTROL = ("model=classifier", "model.input=noisy", "trainer.max_epochs=2")
CURVE = "levels=[0.1,0.5,0.9]"  # of an evaluation
SMALL_DENSE = ("model=dense", "model.hidden=[8]", "model.latent_dim=4")  # where size is no matter
QUICK = (*SMALL_DENSE, "trainer.max_epochs=1")


@dataclass(frozen=True)
class Run:
    """A run's directory, and what `train` has returned of it."""

    directory: Path
    returned: float

    @property
    def best(self) -> Path:
        return self.directory / "checkpoints" / "best.ckpt"

    @property
    def last(self) -> Path:
        return self.directory / "checkpoints" / "last.ckpt"

    @property
    def metrics(self) -> dict[str, Any]:
        return json_of(self.directory / "metrics.json")

    @property
    def history(self) -> list[dict[str, float]]:
        with (self.directory / "history.csv").open() as file:
            rows = list(csv.DictReader(file))
        return [{name: float(cell) for name, cell in row.items() if cell} for row in rows]


def json_of(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def compose(name: str, *overrides: str) -> DictConfig:
    """Return the config that `python {name}.py *overrides` has."""
    with hydra.initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return hydra.compose(name, list(overrides))


def train_in(directory: Path, *overrides: str, go_on: bool = False) -> Run:
    """Train a tiny run; later overrides win."""
    return Run(directory, train.train(compose("train", *TINY, *overrides), directory, go_on))


@functools.cache
def trained(*overrides: str) -> Run:
    """Return the tiny run with these overrides. It is trained once and must not be changed."""
    return once(lambda folder: train_in(folder, *overrides), "train", *overrides)


def composite_of(denoiser: Path, classifier: Path) -> tuple[str, ...]:
    """Return the overrides that put two checkpoints together."""
    return "model=composite", f"model.denoiser={denoiser}", f"model.classifier={classifier}"


def composite() -> tuple[str, ...]:
    return composite_of(trained(*DENSE).best, trained(*CLASSIFIER).best)


def resume_in(directory: Path, checkpoint: Path, *overrides: str) -> Run:
    """Go on where a checkpoint ends, as train.py's command line does."""
    arguments = [f"checkpoint={checkpoint}", *overrides]
    cfg = compose("train", *arguments, *checkpoint_options.resume(arguments))
    return Run(directory, train.train(cfg, directory))


def score_in(directory: Path, checkpoint: Path, *overrides: str) -> dict[str, Any]:
    """Score a checkpoint, as eval.py's command line does; without what takes long by default."""
    arguments = [f"checkpoint={checkpoint}", "trainer.accelerator=cpu", *QUICK_SCORE, *overrides]
    cfg = compose("eval", *arguments, *checkpoint_options.score(arguments))
    return eval.evaluate(cfg, directory)


@functools.cache
def evaluated(checkpoint: Path, *overrides: str) -> tuple[Path, dict[str, Any]]:
    """Return the directory and the scores of a checkpoint. It is scored once for all readers."""
    names = ("score", str(checkpoint), *overrides)
    return once(lambda folder: (folder, score_in(folder, checkpoint, *overrides)), *names)


def scored(checkpoint: Path, *overrides: str) -> dict[str, Any]:
    """Return the scores of a checkpoint, as `evaluated` has them."""
    return evaluated(checkpoint, *overrides)[1]


def whole_evaluation() -> tuple[Path, dict[str, Any]]:
    """Return the directory and the scores of `DENSE` with judges, baselines and a curve."""
    judges = (f"classifier={trained(*CLASSIFIER).best}", f"control={trained(*CONTROL).best}")
    few = "data.val_size=16"  # on which the baselines are tuned
    return evaluated(trained(*DENSE).best, *judges, CURVE, "baselines=fast", few)


def start_command(script: str, *arguments: str, directory: Path) -> warm.Started:
    """Start what a user types, in `directory`."""
    return warm.Started(ROOT / script, [*arguments], directory, environment())


def run_command(
    script: str, *arguments: str, directory: Path, options: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run what a user types, in `directory`. A new Python does so with options of its own."""
    if not options:
        return start_command(script, *arguments, directory=directory).wait()
    return subprocess.run(
        [sys.executable, *options, str(ROOT / script), *arguments],
        cwd=directory,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )


def environment() -> dict[str, str]:
    """Return a user's variables, with the repository on Python's path for what the tests define."""
    names = os.environ.keys() - {"HYDRA_FULL_ERROR"}
    return {name: os.environ[name] for name in names} | {"PYTHONPATH": str(ROOT)}


def data_of(cfg: DictConfig, stage: str) -> ImageDataModule:
    data: ImageDataModule = build(cfg.data, "data", noise=build(cfg.noise, "noise"))
    data.prepare_data()
    data.setup(stage)
    return data


def evaluation_images(cfg: DictConfig, split: Split, count: int | None = None) -> Batch:
    """Return the first `count` images of a split, or all, as one batch of the evaluation."""
    data = data_of(cfg, "test" if split == "test" else "fit")
    return data.eval_batch(split, torch.arange(data.size(split))[:count])


def best_median_psnr(batch: Batch) -> float:
    """Return the PSNR of a median filter in dB: the better one of 3 x 3 and 5 x 5 pixels."""
    return max(
        psnr(torch.from_numpy(median_filter(batch.noisy.numpy(), (1, 1, size, size))), batch.clean)
        .mean()
        .item()
        for size in (3, 5)
    )


def read(path: Path) -> dict[str, Any]:
    """Read a checkpoint's contents by torch alone."""
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return content


def same(first: Any, second: Any) -> bool:
    """Say whether two nests of plain containers and tensors are equal to the bit."""
    if isinstance(first, Tensor):
        return isinstance(second, Tensor) and torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[k], second[k]) for k in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)


def untimed(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    """Return a history without what the clock has measured."""
    return [
        {name: value for name, value in row.items() if name not in ("seconds", "images_per_s")}
        for row in rows
    ]


def curves(directory: Path) -> dict[str, list[tuple[int, float]]]:
    """Return what TensorBoard plots of a run: step and value of every scalar but the clock's."""
    shown = {}
    for folder, stage in (("", ""), ("train", "train/"), ("validation", "val/")):
        files = directory / "tensorboard" / folder
        if not files.exists():  # a run without a logger, or with one of Lightning's own
            continue
        events = EventAccumulator(str(files), {"scalars": 0})
        events.Reload()
        for tag in events.Tags()["scalars"]:
            # The files of one second are not always read in the order in which they were written.
            points = sorted((point.step, point.value) for point in events.Scalars(tag))
            name = tag.removeprefix("scores/").removeprefix("training/")
            shown[f"{stage}{name}"] = points
    return {name: points for name, points in shown.items() if name != "images_per_s"}


def contents(directory: Path) -> dict[str, bytes]:
    """Return every file under a directory, by its relative path."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }
