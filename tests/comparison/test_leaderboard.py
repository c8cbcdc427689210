"""The leaderboard: what is joined, grouped, ranked and left out, and how it is written."""

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import compare
from comparison import figures, report
from comparison.figures import pareto_front
from comparison.leaderboard import Comparison
from comparison.leaderboard import compare as compare_results
from comparison.results import MODEL, NOISY, read
from reporting import figures as run_figures
from reporting.statistics import paired_intervals
from tests.helpers.comparison import LEVELS, noisy_psnr, write_evaluation, write_run
from tests.helpers.runs import DENSE, ROOT, VAE, run_command, score_in, trained

COUNT = 200
OTHER_SPLIT = "0123456789abcdef"


def scores(mean: float, seed: int = 0) -> NDArray[np.float64]:
    """The PSNR of each image: what all models have in common, and a little of each one's own."""
    own = np.random.default_rng(seed + 1).normal(0, 0.3, COUNT)
    common = np.random.default_rng(0).normal(0, 2, COUNT)
    return mean + common - common.mean() + own - own.mean()


def compared(*directories: Path) -> Comparison:
    return compare_results(read(directories))


def labels(found: Comparison) -> list[list[str]]:
    return [[row.label for row in table.rows] for table in found.tables]


def reasons(found: Comparison) -> dict[str, str]:
    """By the name of the directory, why it was left out."""
    return {left.directory.name: left.reason for left in found.left_out}


def write_pair(
    top: Path, run_id: str, model: str, mean: float, seed: int = 0, std: float = 0.5
) -> None:
    """A run and its evaluation, at the noise 0.5."""
    write_run(top / "runs" / run_id, run_id, model, seed, std, mean)
    write_evaluation(
        top / "scores" / run_id, run_id, scores(mean, seed), trained=std, trained_levels=(std, std)
    )


def test_seeds_are_one_row_with_their_mean_and_spread(tmp_path: Path) -> None:
    for seed, mean in enumerate((19.0, 19.3, 19.9)):
        write_pair(tmp_path, f"d{seed}", "dense", mean, seed)
    write_pair(tmp_path, "v", "vae", 18.0)
    (table,) = compared(tmp_path).tables
    assert table.noise == "Gaussian, std=0.5, clip=true"
    dense, vae = table.rows
    assert (dense.label, len(dense.entries)) == ("dense", 3)
    assert dense.psnr == pytest.approx(19.4)
    assert dense.psnr_std == pytest.approx(np.std([19.0, 19.3, 19.9], ddof=1))
    assert (vae.label, vae.psnr_std) == ("vae", None)


def test_the_difference_to_the_best_is_of_each_images_mean_over_seeds(tmp_path: Path) -> None:
    for seed in range(2):
        write_pair(tmp_path, f"d{seed}", "dense", 19.0, seed)
    write_pair(tmp_path, "v", "vae", 18.9, seed=2)
    write_pair(tmp_path, "c", "conv_transposed", 20.0, seed=3)
    (table,) = compared(tmp_path).tables
    best, *others = table.rows
    assert best.difference is None
    dense = (scores(19.0, 0) + scores(19.0, 1)) / 2
    expected = np.stack([dense, scores(18.9, 2)], axis=1) - scores(20.0, 3)[:, None]
    lows, highs = paired_intervals(expected, seed=0)
    for number, row in enumerate(others):
        assert row.difference is not None
        assert row.difference.mean == pytest.approx(expected[:, number].mean(), abs=1e-4)
        assert row.difference.low == pytest.approx(lows[number], abs=1e-3)
        assert row.difference.high == pytest.approx(highs[number], abs=1e-3)


@pytest.mark.parametrize(("second", "winner"), [(19.0, True), (19.99, False)])
def test_only_a_significant_best_is_bold(tmp_path: Path, second: float, winner: bool) -> None:
    write_pair(tmp_path, "c", "conv_transposed", 20.0)
    write_pair(tmp_path, "d", "dense", second, seed=1)
    write_pair(tmp_path, "v", "vae", 15.0, seed=2)
    assert compare.main([str(tmp_path), "--output", str(tmp_path / "out")]) == 0
    markdown = (tmp_path / "out" / "leaderboard.md").read_text()
    assert ("**conv_transposed**" in markdown) == winner
    assert "**dense**" not in markdown
    assert ("not known to be worse than conv_transposed: dense." in markdown) != winner
    page = (tmp_path / "out" / "leaderboard.html").read_text()
    assert page.count("font-weight: bold") == winner


def test_averages_over_symmetries_have_a_row_of_their_own(tmp_path: Path) -> None:
    for run_id, model, mean in (("d", "dense", 19.0), ("v", "vae", 18.0)):
        write_pair(tmp_path, run_id, model, mean)
    for run_id, mean in (("d", 19.5), ("v", 18.5)):
        directory = tmp_path / "averaged" / run_id
        write_evaluation(directory, run_id, scores(mean), trained_levels=(0.5, 0.5))
        file = directory / "metrics.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"symmetries": 8}))
    shutil.rmtree(tmp_path / "scores" / "v")  # of this run, there is no other evaluation
    found = compared(tmp_path)
    (table,) = found.tables
    rows = {row.label: row.psnr for row in table.rows}
    expected = {"dense, symmetries=8": 19.5, "dense": 19.0, "vae, symmetries=8": 18.5}
    assert rows == pytest.approx(expected, abs=1e-4)
    assert figures.noise_transfer(table.rows, found.families) is None
    (tmp_path / "out").mkdir()
    report.write(found, tmp_path / "out")
    assert "dense, symmetries=8" in (tmp_path / "out" / "leaderboard.csv").read_text()


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


def test_each_test_noise_has_a_table_of_its_own(tmp_path: Path) -> None:
    for run_id, model, mean in (("d", "dense", 19.0), ("v", "vae", 18.0)):
        write_pair(tmp_path, run_id, model, mean)
        write_evaluation(tmp_path / f"low {run_id}", run_id, scores(40 - mean), std=0.1)
    found = compared(tmp_path)
    assert [table.noise for table in found.tables] == [
        "Gaussian, std=0.1, clip=true",
        "Gaussian, std=0.5, clip=true",
    ]
    assert labels(found) == [["vae", "dense"], ["dense", "vae"]]
    assert not found.left_out


def test_a_run_without_an_evaluation_has_the_scores_of_its_training(tmp_path: Path) -> None:
    write_pair(tmp_path, "d", "dense", 19.0)
    write_run(tmp_path / "v", "v", "vae", psnr=17.5)
    (table,) = compared(tmp_path).tables
    row = table.rows[1]
    assert (row.psnr, row.difference, row.evaluations) == (17.5, None, [])
    assert not table.has_winner
    compare.main([str(tmp_path), "--output", str(tmp_path / "out")])
    assert "| vae\N{NO-BREAK SPACE}† |" in (tmp_path / "out" / "leaderboard.md").read_text()


def test_a_run_alone_is_a_table_without_a_winner(tmp_path: Path) -> None:
    write_run(tmp_path / "v", "v", "vae")
    (table,) = compared(tmp_path).tables
    assert (len(table.rows), table.best, table.has_winner) == (1, None, False)


def test_what_does_not_belong_is_left_out_with_the_reason(tmp_path: Path) -> None:
    for run_id, model, mean in (("d", "dense", 19.0), ("v", "vae", 18.0)):
        write_pair(tmp_path, run_id, model, mean)
    write_run(tmp_path / "unfinished", "u", seed=1, finished=False)
    write_run(tmp_path / "other noise", "e", seed=2, data={"eval_seed": 1})
    write_run(tmp_path / "other split", "s", seed=3, split=OTHER_SPLIT)
    write_run(tmp_path / "no score", "n", seed=4)
    write_evaluation(tmp_path / "validation", "n", scores(19.0), split="val")
    write_evaluation(tmp_path / "no run", "absent", scores(19.0))
    write_run(tmp_path / "broken", "b", seed=5)
    (tmp_path / "broken" / "metrics.json").write_text('{"run_id": "b"')
    write_run(tmp_path / "half", "h", seed=6)
    (tmp_path / "half" / "metrics.json").write_text('{"run_id": "h"}')
    found = compared(tmp_path)
    expected = {
        "unfinished": "no metrics.json",
        "other noise": "data.eval_seed is 1 and not 0",
        "other split": f"split fingerprint is {OTHER_SPLIT} and not bf279271349aa7a9",
        "validation": "split is val and not test",
        "no score": "not evaluated, as its other seeds are",
        "no run": "its run absent is left out",
        "broken": "metrics.json: Invalid JSON",
        "half": "metrics.json: model: Field required",
    }
    assert reasons(found).keys() == expected.keys()
    for name, reason in expected.items():
        assert reason in reasons(found)[name]
    assert labels(found) == [["dense", "vae"]]
    assert [row.psnr for row in found.tables[0].rows] == pytest.approx([19.0, 18.0])


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("per_image.csv", ""),
        ("per_image.csv", "index,psnr\n0,19\n"),
        ("per_image.csv", "noisy_psnr,psnr\n9,nan\n"),
        ("per_image.csv", "noisy_psnr,psnr\n9,19\n9"),
        ("noise_curve.csv", "noise,level,method,psnr\nGaussian,x,model,19\n"),
        ("metrics.json", "[]"),
        ("run.json", ""),
    ],
)
def test_an_evaluation_that_cannot_be_read_is_left_out(
    tmp_path: Path, file: str, content: str
) -> None:
    write_pair(tmp_path, "d", "dense", 19.0)
    write_pair(tmp_path, "v", "vae", 18.0)
    (tmp_path / "scores" / "v" / file).write_text(content)
    found = compared(tmp_path)
    assert list(reasons(found)) == ["v"]
    assert "\n" not in reasons(found)["v"]
    assert found.tables[0].rows[1].difference is None


def test_noisy_images_that_score_otherwise_are_not_the_same(tmp_path: Path) -> None:
    for run_id, model in (("d", "dense"), ("v", "vae"), ("c", "conv_transposed")):
        write_pair(tmp_path, run_id, model, 19.0)
    file = tmp_path / "scores" / "v" / "per_image.csv"
    first = f",{noisy_psnr(COUNT, 0.5)[0]:.6g},"
    assert first in file.read_text()
    file.write_text(file.read_text().replace(first, ",12.5,", 1))
    found = compared(tmp_path)
    assert reasons(found) == {
        "v": "its noisy images do not score as those of the other evaluations"
    }


def test_nothing_counts_twice(tmp_path: Path) -> None:
    write_pair(tmp_path, "d", "dense", 19.0)
    write_pair(tmp_path, "v", "vae", 18.0)
    write_run(tmp_path / "copy", "d", psnr=19.0)
    write_run(tmp_path / "older", "o", psnr=5.0, started="2026-01-30T12:00:00+00:00")
    later = "2026-02-01T13:00:00+01:00"
    write_evaluation(tmp_path / "again", "v", scores(18.5), started=later)
    found = compared(tmp_path, tmp_path / "runs", tmp_path)
    assert [row.psnr for row in found.tables[0].rows] == pytest.approx([19.0, 18.5])
    assert sorted(reasons(found).values()) == [
        "a copy of another run",
        "a newer run has the same settings and seed",
        "the same run was scored again later",
    ]


def test_the_csv_holds_the_numbers(tmp_path: Path) -> None:
    write_pair(tmp_path, "d", "dense", 19.0)
    write_pair(tmp_path, "v", "vae", 18.0, seed=1)
    compare.main([str(tmp_path), "--output", str(tmp_path / "out")])
    with (tmp_path / "out" / "leaderboard.csv").open() as file:
        first, second = csv.DictReader(file)
    (table,) = compared(tmp_path).tables
    assert (first["configuration"], first["run_ids"], first["difference"]) == ("dense", "d", "")
    difference = table.rows[1].difference
    assert difference is not None
    found = [float(second[f"difference{end}"]) for end in ("", "_low", "_high")]
    assert found == [*difference]
    assert float(second["psnr"]) == table.rows[1].psnr
    assert float(second["ms_per_image"]) == 0.1


def test_the_page_needs_no_other_file_and_has_every_plot(tmp_path: Path) -> None:
    for std in (0.1, 0.5):
        write_pair(tmp_path, f"d{std}", "dense", 18 + std, std=std)
    compare.main([str(tmp_path), "--output", str(tmp_path / "out")])
    page = (tmp_path / "out" / "leaderboard.html").read_text()
    plots = {path.stem for path in (tmp_path / "out").glob("*.png")}
    cost = "cost_Gaussian-std-0.5-clip-true"
    assert plots == {cost, "noise_curves", "noise_transfer", "learning_curves"}
    assert not re.search(r"https?://|<script|<link", page)
    sources = re.findall(r'src="([^"]{0,30})', page)
    assert len(sources) == len(plots)
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    markdown = (tmp_path / "out" / "leaderboard.md").read_text()
    assert {f"{name}.png" for name in plots} == set(re.findall(r"\]\((.*?)\)", markdown))


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


def test_curves_are_means_over_seeds_at_common_levels(tmp_path: Path) -> None:
    for seed, mean in enumerate((19.0, 20.0)):
        write_pair(tmp_path, f"d{seed}", "dense", mean, seed)
    file = tmp_path / "scores" / "d1" / "noise_curve.csv"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(line for line in lines if not line.startswith("Gaussian,0.9,")))
    ((row,),) = (table.rows for table in compared(tmp_path).tables)
    found = figures.curve(row, MODEL)
    assert list(found) == LEVELS[:-1]
    assert found[0.5] == pytest.approx(noisy_psnr(COUNT, 0.5).mean() + 10 + 0.5)


def test_the_pareto_front_is_what_nothing_beats_in_time_and_quality() -> None:
    points = [(1.0, 10.0), (1.0, 12.0), (2.0, 11.0), (3.0, 15.0), (4.0, 15.0), (0.5, 9.0)]
    assert pareto_front(points) == [(0.5, 9.0), (1.0, 12.0), (3.0, 15.0)]
    assert pareto_front([]) == []


def test_the_methods_of_a_curve_are_named_as_they_are_written() -> None:
    assert (MODEL, NOISY) == (run_figures.MODEL, run_figures.NOISY)


def test_real_runs_and_evaluations_are_compared(tmp_path: Path) -> None:
    for overrides, name in ((DENSE, "Dense"), (VAE, "VAE")):
        run = trained(*overrides)
        score_in(tmp_path / f"{name} scores", run.best, "levels=[0.3,0.5]")
        copy = tmp_path / name
        copy.mkdir()
        for file in ("run.json", "metrics.json", "history.csv"):
            (copy / file).write_bytes((run.directory / file).read_bytes())
    found = compared(tmp_path)
    assert not found.left_out
    (table,) = found.tables
    assert {row.label for row in table.rows} == {"dense", "vae"}
    for row in table.rows:
        assert row.evaluations
        assert row.evaluations[0].psnr.mean() == pytest.approx(row.psnr, abs=1e-4)
        assert [*figures.curve(row, MODEL)] == [0.3, 0.5]
        assert row.ms_per_image is not None


TIMED = {"max_epochs": -1, "max_time": "00:00:05:00"}


@pytest.mark.parametrize(
    ("second", "cells", "said"),
    [
        ({"trainer": TIMED, "patience": None}, ["60 of 300", "60 of 300"], "At equal time, if on"),
        (
            {"trainer": TIMED | {"max_time": {"minutes": 5}}, "patience": None},
            ["60 of 300", "60 of 300"],
            "At equal time, if on",
        ),
        (
            {"trainer": TIMED | {"max_time": "00:00:10:00"}, "patience": None},
            ["60 of 300", "60 of 600"],
            "Not at equal time: trainer.max_time",
        ),
        (
            {"trainer": {"max_epochs": -1}, "patience": None},
            ["60 of 300", "60"],
            "Not at equal time: trainer.max_time",
        ),
        (
            {"trainer": TIMED},
            ["60 of 300", "60 of 300"],
            "max_steps could end before their time vae, early_stopping.patience=5.",
        ),
        (
            {"trainer": TIMED | {"max_epochs": 15}, "patience": None},
            ["60 of 300", "60 of 300"],
            "max_steps could end before their time vae, trainer.max_epochs=15.",
        ),
    ],
    ids=["same", "same otherwise written", "more", "no limit", "early stopping", "epochs"],
)
def test_a_table_says_who_had_which_time(
    second: dict[str, Any], cells: list[str], said: str, tmp_path: Path
) -> None:
    write_run(tmp_path / "d", "d", psnr=19.0, trainer=TIMED, patience=None)
    write_run(tmp_path / "v", "v", "vae", psnr=18.0, **second)
    report.write(compared(tmp_path), tmp_path)
    text = (tmp_path / "leaderboard.md").read_text().replace("\N{NO-BREAK SPACE}", " ")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    column = rows[0].index("training (s)")
    assert [row[column] for row in rows[2:]] == cells
    (note,) = (line for line in text.splitlines() if "equal time" in line)
    assert said in note


def test_without_limits_of_time_a_table_says_nothing_of_them(tmp_path: Path) -> None:
    write_pair(tmp_path, "d", "dense", 19.0)
    write_pair(tmp_path, "v", "vae", 18.0)
    report.write(compared(tmp_path), tmp_path)
    assert "equal time" not in (tmp_path / "leaderboard.md").read_text()


def test_a_limit_of_time_that_is_none_leaves_the_run_out(tmp_path: Path) -> None:
    for number, wrong in enumerate(("soon", "1:2", 5, {"fortnights": 1})):
        write_run(tmp_path / str(number), str(number), trainer={"max_time": wrong})
    found = compared(tmp_path)
    assert not found.tables
    assert all("run.json: trainer.max_time=" in reason for reason in reasons(found).values())


def test_torch_is_not_loaded(tmp_path: Path) -> None:
    """Loading it would take longer than comparing does."""
    write_pair(tmp_path, "d", "dense", 19.0)
    code = "import sys, compare; sys.exit(compare.main(sys.argv[1:]) or 'torch' in sys.modules)"
    arguments = [str(tmp_path), "--output", str(tmp_path / "out")]
    subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, check=True, timeout=60)


@pytest.mark.parametrize("existing", ["runs", "runs/d/run.json"])
def test_an_output_that_exists_is_refused(tmp_path: Path, existing: str) -> None:
    write_pair(tmp_path, "d", "dense", 19.0)
    before = (tmp_path / "runs" / "d" / "run.json").read_bytes()
    assert compare.main([str(tmp_path), "--output", str(tmp_path / existing)]) == 2
    assert (tmp_path / "runs" / "d" / "run.json").read_bytes() == before


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    done = run_command("compare.py", "missing", directory=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "compare.py: missing is not a directory\n"
    for arguments, line in (
        ([], "the following arguments are required: DIRECTORY"),
        ([".", "--output"], "argument --output: expected one argument"),
        ([".", "--outptu", "x"], "--outptu: there is no such option, did you mean --output?"),
        (["x" * 300], f"{'x' * 300} is not a directory"),
    ):
        done = run_command("compare.py", *arguments, directory=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"compare.py: {line}\n"
    done = run_command("compare.py", ".", directory=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "compare.py: there is no run to compare below .\n"
    assert not list(tmp_path.iterdir())
    write_run(tmp_path / "unfinished", "u", finished=False)
    done = run_command("compare.py", ".", "--output", "out", directory=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("unfinished: no metrics.json")
    assert not (tmp_path / "out").exists()


def test_the_default_output_is_a_new_directory_each_time(tmp_path: Path) -> None:
    write_run(tmp_path / "d", "d")
    for count in (1, 2):
        done = run_command("compare.py", "d", directory=tmp_path)
        assert done.returncode == 0, done.stderr
        assert len(list(tmp_path.glob("outputs/*/*_comparison/leaderboard.html"))) == count
