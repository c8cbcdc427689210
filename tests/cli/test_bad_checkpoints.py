"""A checkpoint that is damaged, of another kind or too old is refused by its name, in one line."""

import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

from tests.helpers.lines import line_for
from tests.helpers.runs import (
    CLASSIFIER,
    DENSE,
    VAE,
    composite_of,
    contents,
    resume_in,
    score_in,
    train_in,
    trained,
)


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def flipped(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def another_zip(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("letter.txt", "hello")


def weights_alone(file: Path) -> None:
    torch.save({"state_dict": {"weight": torch.zeros(3)}}, file)


def from_the_future(file: Path) -> None:
    content = torch.load(file, weights_only=True)
    content["run"]["format_version"] = 999
    torch.save(content, file)


@pytest.mark.parametrize(
    "damage", [truncated, emptied, flipped, another_zip, weights_alone, from_the_future]
)
def test_a_damaged_checkpoint_is_refused_by_its_name(
    damage: Callable[[Path], None], tmp_path: Path
) -> None:
    file = tmp_path / "damaged.ckpt"
    file.write_bytes(trained(*DENSE).last.read_bytes())
    damage(file)
    run = tmp_path / "run"
    for call in (
        lambda: score_in(run, file),
        lambda: resume_in(run, file, "trainer.max_epochs=9"),
        lambda: score_in(run, trained(*VAE).best, f"classifier={file}"),
        lambda: train_in(run, *composite_of(file, trained(*CLASSIFIER).best)),
    ):
        assert str(file) in line_for(call)
    assert not run.exists()


@pytest.mark.parametrize("key", ["data", "noise", "objective", "trainer", "model", "seed"])
def test_a_checkpoint_that_lacks_settings_is_refused_by_its_name(key: str, tmp_path: Path) -> None:
    file = tmp_path / "incomplete.ckpt"
    content = torch.load(trained(*DENSE).last, weights_only=True)
    del content["run"][key]
    torch.save(content, file)
    for call in (score_in, resume_in):
        assert str(file) in line_for(partial(call, tmp_path / "run", file))
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_of_the_wrong_kind_is_refused(tmp_path: Path) -> None:
    dense, classifier = trained(*DENSE).best, trained(*CLASSIFIER).best
    line = line_for(lambda: score_in(tmp_path, classifier, f"classifier={classifier}"))
    assert line.startswith("classifier: a Classifier is scored with its own")
    line = line_for(lambda: score_in(tmp_path, dense, f"classifier={dense}"))
    assert line == f"classifier: {dense} holds a Dense, not a classifier"
    line = line_for(lambda: train_in(tmp_path, *composite_of(classifier, dense)))
    assert "model.denoiser must be" in line
    assert not contents(tmp_path)
