"""A command reads and verifies each checkpoint once, and keeps none in memory that it has used."""

import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

import denoise
import eval
import export
import train
from cli.composing import compose
from denoisers import checkpoint
from denoisers.archive import read_archive
from tests.helpers.runs import (
    CLASSIFIER,
    DENSE,
    QUICK_SCORE,
    composite_of,
    train_in,
    trained,
)
from training.callbacks import History

Counts = Counter[Path]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counts:
    """Count how often each checkpoint file is read from now on."""
    counts: Counts = Counter()

    def counted(read: Callable[[BinaryIO], Any]) -> Callable[[BinaryIO], Any]:
        def reader(file: BinaryIO) -> Any:
            counts[Path(file.name)] += 1
            return read(file)

        return reader

    for name in ("read_archive", "read_weights"):
        monkeypatch.setattr(checkpoint, name, counted(getattr(checkpoint, name)))
    return counts


def assert_once(reads: Counts, *files: Path) -> None:
    assert reads == dict.fromkeys(files, 1)
    assert not checkpoint._kept


def resume(directory: Path, file: Path, overrides: Sequence[str]) -> None:
    train.train(compose("train", [f"checkpoint={file}", *overrides]), directory)


def test_a_run_that_goes_on_reads_its_checkpoint_once(reads: Counts, tmp_path: Path) -> None:
    run = trained(*DENSE)
    reads.clear()
    resume(tmp_path, run.last, ["trainer.max_epochs=4", "trainer.logger=false"])
    # Its own best epoch's weights are loaded once they are trained.
    assert_once(reads, run.last, run.best, tmp_path / "checkpoints" / "best.ckpt")


def test_training_holds_no_old_state_of_the_optimizer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained(*DENSE)
    states: list[weakref.ref[Tensor]] = []
    alive: list[list[bool]] = []
    end_epoch = History.on_train_epoch_end

    def reader(file: BinaryIO) -> Any:
        content = read_archive(file)
        states.append(weakref.ref(content["optimizer_states"][0]["state"][0]["exp_avg"]))
        return content

    def end(self: History, *arguments: Any) -> None:
        alive.append([state() is not None for state in states])
        end_epoch(self, *arguments)

    monkeypatch.setattr(checkpoint, "read_archive", reader)
    monkeypatch.setattr(History, "on_train_epoch_end", end)
    resume(tmp_path, run.last, ["trainer.max_epochs=4", "trainer.logger=false"])
    assert alive == [[False, False]]


def test_an_evaluation_reads_each_of_its_checkpoints_once(reads: Counts, tmp_path: Path) -> None:
    model, judge = trained(*DENSE).best, trained(*CLASSIFIER).best
    reads.clear()
    files = [f"checkpoint={model}", f"classifier={judge}"]
    eval.evaluate(compose("eval", [*files, "trainer.accelerator=cpu", *QUICK_SCORE]), tmp_path)
    assert_once(reads, model, judge)


def test_a_composite_reads_its_parts_once(reads: Counts, tmp_path: Path) -> None:
    parts = trained(*DENSE).best, trained(*CLASSIFIER).best
    reads.clear()
    run = train_in(tmp_path / "run", *composite_of(*parts))
    assert_once(reads, *parts, run.best)


@pytest.mark.parametrize("name", ["best.ckpt", "best.safetensors"])
def test_an_export_reads_its_checkpoint_once(name: str, reads: Counts, tmp_path: Path) -> None:
    file = trained(*DENSE).best.with_name(name)
    reads.clear()
    output = f"output={tmp_path / 'a.model.safetensors'}"
    export.export(
        compose("export", [f"checkpoint={file}", output, "format=safetensors", "check=random"])
    )
    assert_once(reads, file)


def test_denoising_reads_its_checkpoint_once(reads: Counts, tmp_path: Path) -> None:
    file = trained(*DENSE).best
    reads.clear()
    for name in ("a.png", "b.png"):
        Image.fromarray(np.full((28, 28), 99, np.uint8)).save(tmp_path / name)
    paths = [f"input={tmp_path}", f"output={tmp_path / 'restored'}"]
    assert len(denoise.denoise(compose("denoise", [f"checkpoint={file}", *paths]))) == 2
    assert_once(reads, file)
