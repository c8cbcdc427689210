"""The labels of a leaderboard: what sets runs apart, and no more."""

from pathlib import Path

import numpy as np

import compare
from comparison import figures
from tests.helpers.comparison import write_evaluation, write_run
from tests.helpers.leaderboard import compared, labels, scores, write_pair


def test_labels_say_what_sets_configurations_apart_and_no_more(tmp_path: Path) -> None:
    for number, std in enumerate((0.1, 0.5)):
        write_pair(tmp_path, f"d{number}", "dense", 19.0 + number, std=std)
    for number, beta in enumerate((1.0, 10)):
        write_run(tmp_path / f"v{number}", f"v{number}", "vae", psnr=18.0 - number, beta=beta)
    found = compared(tmp_path)
    assert sorted(set(found.labels.values())) == [
        "dense, noise.std=0.1",
        "dense, noise.std=0.5",
        "vae, beta=1, noise.std=0.5",
        "vae, beta=10, noise.std=0.5",
    ]
    assert found.families["d0"] == found.families["d1"] == "dense"
    assert found.families["v1"] == "vae, beta=10"


def test_older_records_have_the_optimizers_settings_among_the_models(tmp_path: Path) -> None:
    """They are the same settings, and those that differ have the same names."""
    write_run(tmp_path / "old", "old", seed=0, lr=0.002, weight_decay=0)
    for seed, lr in enumerate((0.002, 0.01), 1):
        optimizer = {"lr": lr, "weight_decay": 0.0}
        write_run(tmp_path / str(seed), str(seed), seed=seed, optimizer=optimizer)
    found = compared(tmp_path).labels
    assert found["old"] == found["1"] == "dense, optimizer.lr=0.002"
    assert found["2"] == "dense, optimizer.lr=0.01"


def test_labels_name_the_objective_and_those_of_its_settings_that_differ(tmp_path: Path) -> None:
    r2r = {"_target_": "denoisers.objectives.R2R", "sigma": 0.5}
    for name, objective in {
        "older": None,
        "supervised": {"_target_": "denoisers.objectives.Supervised"},
        "sure": {"_target_": "denoisers.objectives.SURE", "sigma": 0.5, "epsilon": 0.01},
        "r2r": r2r | {"alpha": 0.5},
        "noisier": r2r | {"alpha": 2.0},
    }.items():
        seed = int(name == "supervised")
        write_run(tmp_path / name, name, seed=seed, objective=objective)
    assert set(*labels(compared(tmp_path))) == {
        "dense, objective=Supervised",
        "dense, objective=SURE",
        "dense, objective=R2R, objective.alpha=0.5",
        "dense, objective=R2R, objective.alpha=2",
    }


def test_of_long_paths_labels_show_where_they_differ(tmp_path: Path) -> None:
    for name in ("first", "second"):
        path = f"outputs/2026/{name}/checkpoints/best.ckpt"
        write_run(tmp_path / name, name, denoiser=path)
    assert labels(compared(tmp_path)) == [["dense, denoiser=first", "dense, denoiser=second"]]


def test_kinds_of_training_noise_are_compared_under_one_noise(tmp_path: Path) -> None:
    blind = {"_target_": "datamodules.noise.Blind", "min_std": 0.0, "max_std": 1.0, "clip": True}
    poisson = {"_target_": "datamodules.noise.Poisson", "peak": 0.5, "clip": False}
    write_pair(tmp_path, "g", "dense", 19.0)
    for name, noise, levels in (("p", poisson, None), ("b", blind, (0.0, 1.0))):
        write_run(tmp_path / "runs" / name, name, noise=noise)
        write_evaluation(tmp_path / "scores" / name, name, scores(18), trained_levels=levels)
    found = compared(tmp_path)
    rows = found.tables[0].rows
    matrix = figures.noise_transfer(rows, found.families)
    assert matrix is not None
    trained_with = [label.get_text() for label in matrix.axes[0].get_yticklabels()]
    assert trained_with == [
        "Blind, min_std=0, max_std=1",
        "Gaussian, std=0.5",
        "Poisson, peak=0.5, clip=false",
    ]
    curves = figures.noise_curves(rows, figures.styles(row.label for row in rows))
    assert curves is not None
    stars = [line for line in curves.axes[0].get_lines() if line.get_marker() == "*"]
    marked = [np.asarray(line.get_xdata()).tolist() for line in stars]
    assert marked == [[0.5], []]  # the other is in the legend


def test_a_long_mixture_is_named_by_its_parts_in_their_order(tmp_path: Path) -> None:
    gaussian = {"_target_": "datamodules.noise.Gaussian", "std": 0.25, "clip": False}
    lost = {"_target_": "datamodules.noise.Dropout", "probability": 0.1, "clip": False}
    settings = {"_target_": "datamodules.mixed_noise.Mixed", "strength": 1.0, "clip": True}
    for name, parts in (
        ("gl", {"a": gaussian, "b": lost}),
        ("lg", {"b": lost, "a": gaussian}),
        ("long", {str(number): gaussian for number in range(6)}),
    ):
        noise = settings | {"parts": parts}
        write_run(tmp_path / "runs" / name, name, noise=noise)
        write_evaluation(tmp_path / "scores" / name, name, scores(18), noise=noise)
    compare.main([str(tmp_path), "--output", str(tmp_path / "out")])
    names = sorted(table.noise for table in compared(tmp_path).tables)
    one, other = "Gaussian(std=0.25, clip=false)", "Dropout(probability=0.1, clip=false)"
    assert names[0] == f"Mixed, strength=1, clip=true, parts={other} + {one}"
    assert names[1] == f"Mixed, strength=1, clip=true, parts={one} + {other}"
    assert len([*(tmp_path / "out").glob("cost_Mixed*.png")]) == 3
