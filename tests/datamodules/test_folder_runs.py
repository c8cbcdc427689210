"""`data=folder` in runs, and what it refuses."""

import warnings
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import train
from cli.messages import is_users_mistake
from datamodules import reading
from tests.helpers.picture_folder import fill, new_folder, pixels
from tests.helpers.pictures import save
from tests.helpers.runs import CPU, OPEN, Run, compose, read, resume_in, same, score_in
from training import tensorboard

# As a run of train.py calls it.
RUN = (
    *CPU,
    "data=folder",
    "data.crop=12",
    "data.train_size=40",
    "data.val_size=8",
    "data.test_size=8",
    "data.batch_size=16",
)
DENSE = ("model=dense", "model.hidden=[16]")


def only_small(root: Path) -> None:
    save(root / "a.png", pixels(4, 4, seed=0))


def two(root: Path) -> None:
    fill(root, 2)


def damaged(root: Path) -> None:
    fill(root)
    (root / "3.png").write_bytes((root / "3.png").read_bytes()[:-30])


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda root: None, r"^there is no folder .*/root$"),
        (Path.mkdir, r"^there is no picture in .*/root: PNG, .* are looked for$"),
        (only_small, r"^.*/root has no picture of at least 5 x 5 pixels, the crop$"),
        (two, r"^.*/root has too few pictures to train, to validate and to test: 2$"),
        (damaged, r"^.*/root/3\.png cannot be read: "),
    ],
    ids=["none", "empty", "small", "two", "damaged"],
)
def test_a_folder_to_learn_nothing_from_is_refused(tmp_path: Path, make: Any, line: str) -> None:
    make(tmp_path / "root")
    with pytest.raises((FileNotFoundError, ValueError), match=line) as caught:
        new_folder(tmp_path / "root")
    assert is_users_mistake(caught.value)


def test_more_than_memory_is_refused_before_a_picture_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged(tmp_path)  # reading the file would refuse it
    monkeypatch.setattr(reading, "MEMORY_SHARE", 1e-9)
    with pytest.raises(ValueError, match=r"takes 0\.0 GB of memory, this machine or container has"):
        new_folder(tmp_path)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("crop", 0),
        ("crop", 10_001),
        ("train_size", 0),
        ("val_size", 0),
        ("test_size", 0),
        ("train_size", 10_000_001),
        ("val_size", 10_000_001),
        ("test_size", 10_000_001),
        ("val_share", 0.0),
        ("test_share", float("nan")),
        ("val_share", 0.8),
        ("batch_size", 0),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(
    tmp_path: Path, setting: str, value: Any
) -> None:
    with pytest.raises(ValueError, match=rf"\b{setting}\b.* must be .*{value}"):
        new_folder(tmp_path, **{setting: value})


def test_reading_leaves_pythons_warnings_as_they_were(tmp_path: Path) -> None:
    """Each thread sets the filters of warnings, which belong to the process."""
    fill(tmp_path, 40)
    before = list(warnings.filters)
    new_folder(tmp_path)
    assert warnings.filters == before


# Runs


def run_in(directory: Path, root: Path, *overrides: str) -> Run:
    cfg = compose("train", *RUN, f"data.root={root}", *overrides)
    return Run(directory, train.train(cfg, directory))


def test_a_run_on_pictures_resumes_bit_for_bit(tmp_path: Path, root: Path) -> None:
    settings = (*DENSE, OPEN, "data.num_workers=2")
    whole = run_in(tmp_path / "whole", root, *settings, "trainer.max_epochs=2")
    first = run_in(tmp_path / "first", root, *settings, "trainer.max_epochs=1")
    second = resume_in(tmp_path / "second", first.last, "trainer.max_epochs=2", *CPU)
    assert same(read(second.last)["state_dict"], read(whole.last)["state_dict"])
    assert second.metrics["test"] == whole.metrics["test"]


def test_a_run_does_not_go_on_with_other_pictures(tmp_path: Path) -> None:
    fill(tmp_path / "root", 8)
    settings = ("data.crop=8", *DENSE, OPEN)
    first = run_in(tmp_path / "first", tmp_path / "root", *settings, "trainer.max_epochs=1")
    (tmp_path / "root" / "1.png").unlink()
    with pytest.raises(ValueError, match="held out other validation images"):
        resume_in(tmp_path / "second", first.last, "trainer.max_epochs=2", *CPU)
    assert not (tmp_path / "second").exists()


def test_pictures_are_scored_without_labels(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run and an evaluation write and draw everything, also a VAE's own figures."""
    monkeypatch.setattr(tensorboard, "CODE_VALUES", 2 * 64 + 1)
    settings = ("model=vae", "model.hidden=[16]", "trainer.max_epochs=1", "trainer.logger=true")
    run = run_in(tmp_path / "run", root, *settings)
    assert (run.directory / "samples.png").is_file()
    (codes,) = (run.directory / "tensorboard").rglob("tensors.tsv")
    assert len(codes.read_text().splitlines()) == 2  # with 64 numbers each
    scores = score_in(tmp_path / "scores", run.best, "baselines=fast", "levels=[0.2]")
    assert scores["by_class"] == scores["accuracy"] == {}
    assert scores["baselines"].keys() >= {"total variation", "PCA", "linear (Wiener)"}
    assert {row["method"] for row in scores["noise_curve"]} > {"noisy input", "model"}
    made = {path.name for path in (tmp_path / "scores").iterdir()}
    assert made >= {
        "strip.png",
        "extremes.png",
        "noise_curve.png",
        "vae_samples.png",
        "report.html",
    }
    rows = (tmp_path / "scores" / "per_image.csv").read_text().splitlines()
    assert len(rows) == 1 + 6  # 30 x 40 pixels have room for 2 x 3 crops
    assert all(row.split(",")[1] == "-1" for row in rows[1:])


def test_examples_are_from_all_over_a_split(tmp_path: Path) -> None:
    fill(tmp_path)
    data = new_folder(tmp_path)
    assert data.examples("train", 1).tolist() == list(range(0, 300, 30))
    assert data.examples("train", 2).tolist() == list(range(0, 300, 15))
    few = new_folder(tmp_path, val_size=3)
    assert few.examples("val", 1).tolist() == [0, 1, 2]
    assert few.labels("val").tolist() == [-1] * 3


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (("model=classifier",), "model.num_classes must be at least 1, got 0"),
        (("data.channels=2",), "data.channels=2: "),
        (("data.root=1",), "data.root=1: "),
        # 64 crops are 4 batches. The picture for validation has room for 6 crops.
        (
            ("data.batch_size=4", "data.val_size=64", "trainer.limit_val_batches=0.5"),
            "less than one of 1 batches",
        ),
    ],
    ids=["classifier", "channels", "root", "batches"],
)
def test_what_does_not_fit_pictures_is_refused(
    tmp_path: Path, root: Path, overrides: tuple[str, ...], line: str
) -> None:
    refused = partial(run_in, tmp_path / "run", root)
    with pytest.raises(ValueError, match=line) as caught:
        refused(*overrides)
    assert is_users_mistake(caught.value)
    assert not (tmp_path / "run").exists()
