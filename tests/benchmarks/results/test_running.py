"""python -m benchmarks.results: what it runs, passes over, collects and says."""

import csv
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.results import __main__ as command
from benchmarks.results import running
from benchmarks.results.collecting import baseline_rows
from benchmarks.results.layout import Job, Root
from benchmarks.results.stages import BEST_CLASSIFIER, STAGES, Scoring, Stage, Sweep
from groundwork.files import write_json, write_whole
from tests.helpers.runs import CLASSIFIER, ROOT, TINY, environment, json_of, run_command, trained
from tests.helpers.shared import once
from tests.helpers.warm import Started

FIRST = Stage("first", sweeps=[Sweep("nets", ["model=dense,vae"])], pairs=[("vae", "dense")])
SMALL = ("model.hidden=[16]", "model.latent_dim=4")
FURTHER = ("--", *TINY, *SMALL, "trainer.max_epochs=1")


def in_warm_process(words: Sequence[str], log: Path, watch: Callable[[], None]) -> int:
    """Do what running.status_of does, without the seconds in which a new Python imports torch."""
    done = run_command(words[0], *words[1:], directory=ROOT)
    with log.open("a") as file:
        file.write(done.stdout + done.stderr)
    return done.returncode


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Return the command in this process, with two small stages more."""
    settings = ["baselines=none", "levels=[0.5]", f"classifier={trained(*CLASSIFIER).best}"]
    second = Stage(
        "second", needs=["first"], scorings=[Scoring("first/nets", settings)], pairs=FIRST.pairs
    )
    for stage in (FIRST, second):
        monkeypatch.setitem(STAGES, stage.name, stage)
    monkeypatch.setattr(running, "status_of", in_warm_process)
    monkeypatch.setattr(command, "await_signals", lambda: None)
    return lambda *arguments: command.main([*map(str, arguments)])


@dataclass(frozen=True)
class Made:
    """What two commands have made, the second one with a seed more, and after an interruption.

    Attributes:
        folder: It has both stages with two seeds.
        listed: What `--list` says between them.
        said: The lines of the second command, without the time that has passed.
        before: What the first command has stored of the first stage.
    """

    folder: Path
    listed: str
    said: list[str]
    before: dict[str, Any]


@pytest.fixture
def made(results: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> Made:
    def make(folder: Path) -> Made:
        assert results("first", "--seeds", 1, "--root", folder, *FURTHER) == 0
        before, stored = files_of(folder), json_of(folder / "first" / "results.json")
        (run,) = folder.glob("first/nets/seed_0/*model-vae")
        killed = folder / "second" / "scores" / "nets" / "seed_0" / run.name
        killed.mkdir(parents=True)
        (killed / "run.json").write_text("{}")  # what an evaluation leaves that was killed
        capsys.readouterr()
        assert results("second", "--list", "--seeds", 2, "--root", folder) == 0
        listed = capsys.readouterr().out
        assert results("second", "--seeds", 2, "--root", folder, *FURTHER) == 0
        lines = capsys.readouterr().out.splitlines()
        said = [line.partition("] ")[2].partition(" (")[0] for line in lines]
        after = files_of(folder)
        assert {name: after[name] for name in before} == before
        return Made(folder, listed, said, stored)

    return once(make, "benchmarks.results")


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the scores and checkpoints of runs, which end with the runs."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for name in ("metrics.json", "best.ckpt", "run.json")
        for file in folder.rglob(name)
    }


def evaluations(folder: Path, model: str) -> list[Path]:
    """Return the directories of a model's evaluations, one a seed."""
    return sorted((folder / "second" / "scores" / "nets").glob(f"seed_*/*model-{model}"))


def test_the_stored_numbers_are_those_of_the_runs(made: Made) -> None:
    stored = json_of(made.folder / "second" / "results.json")
    assert [*stored["rows"]] == ["dense", "vae"]
    for model in ("dense", "vae"):
        row, scored = stored["rows"][model], evaluations(made.folder, model)
        metrics = [json_of(path / "metrics.json") for path in scored]
        assert len({one["run_id"] for one in metrics}) == 2
        assert [seed["run_id"] for seed in row["seeds"]] == [one["run_id"] for one in metrics]
        for name in ("psnr", "ssim", "mse"):
            values = [one["test"][name] for one in metrics]
            assert row["mean"][name] == pytest.approx(np.mean(values))
            assert row["std"][name] == pytest.approx(np.std(values, ddof=1))
        for name in ("clean", "noisy", "restored"):
            values = [one["accuracy"][name] for one in metrics]
            assert row["mean"][f"accuracy_{name}"] == pytest.approx(np.mean(values))
        for name in ("psnr", "noisy_psnr"):  # the curve is of the same images
            assert row["mean"][f"{name}_at_0.5"] == pytest.approx(row["mean"][name], abs=1e-3)
        low, high = row["interval"]
        assert low < row["mean"]["psnr"] < high
        assert row["mean"]["epochs"] == 1
        for seed, path in zip(row["seeds"], scored, strict=True):
            with (path / "per_image.csv").open() as file:
                right = [line["predicted"] == line["label"] for line in csv.DictReader(file)]
            assert (seed["correct"]["restored"], seed["images"]) == (sum(right), len(right))
    (found,) = stored["differences"]
    pairs = zip(stored["rows"]["vae"]["seeds"], stored["rows"]["dense"]["seeds"], strict=True)
    values = [a["scores"]["psnr"] - b["scores"]["psnr"] for a, b in pairs]
    assert found["psnr"]["mean"] == pytest.approx(np.mean(values))
    reach = 12.7062 * np.std(values, ddof=1) / np.sqrt(2)  # Student's t of one degree of freedom
    ends = [np.mean(values) - reach, np.mean(values) + reach]
    assert found["psnr"]["over_seeds"] == pytest.approx(ends, rel=1e-4)
    assert found["psnr"]["over_images"][0] < np.mean(values) < found["psnr"]["over_images"][1]
    assert stored["made"]["seeds"] == [0, 1]
    assert stored["made"]["with"][0]["cores"] >= 1
    assert stored["made"]["command"].startswith(
        "python -m benchmarks.results second --seeds 2 -- data=pro"
    )


def test_what_is_not_evaluated_has_the_scores_of_training(made: Made) -> None:
    stored = json_of(made.folder / "first" / "results.json")
    files = sorted((made.folder / "first" / "nets").glob("seed_*/*model-vae/metrics.json"))
    row, metrics = stored["rows"]["vae"], [json_of(file) for file in files]
    assert [seed["run_id"] for seed in row["seeds"]] == [one["run_id"] for one in metrics]
    for name in ("psnr", "kl", "active_units"):
        values = [one["test"][name] for one in metrics]
        assert row["mean"][name] == pytest.approx(np.mean(values))
        assert row["std"][name] == pytest.approx(np.std(values, ddof=1))
    assert row["mean"]["parameters"] == metrics[0]["parameters"]
    assert "interval" not in row
    assert "over_images" not in stored["differences"][0]["psnr"]


def test_a_command_makes_only_what_is_missing(made: Made) -> None:
    first, second = made.listed.splitlines()
    assert first.startswith("first: 2 of 4 jobs, 0:00:")
    assert second == "second (needs first): 0 of 4 jobs, no time is known yet"
    assert made.said == [
        "first/nets dense, seed 1: trained",
        "first/nets vae, seed 1: trained",
        f"first: all is in {made.folder}/first/results.json",
        *(
            f"second: first/nets {model}, seed {seed}: scored"
            for seed in (0, 1)
            for model in ("dense", "vae")
        ),
        f"second: all is in {made.folder}/second/results.json",
    ]
    rows = json_of(made.folder / "first" / "results.json")["rows"]
    for name in ("dense", "vae"):
        assert made.before["rows"][name]["seeds"] == rows[name]["seeds"][:1]
        assert made.before["rows"][name]["std"] == {}


def test_scores_of_another_command_are_not_taken_for_these(
    made: Made,
    results: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = STAGES["second"]._replace(needs=(), scorings=[Scoring("first/nets")])
    monkeypatch.setitem(STAGES, "second", other)
    assert results("second", "--seeds", 1, "--root", made.folder, *FURTHER) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "seed_0/0_model-dense holds another evaluation: delete it, or give another" in line


def test_overrides_name_the_checkpoint_of_the_same_seed(tmp_path: Path) -> None:
    for seed in (0, 1):
        run = tmp_path / "comparison" / "classifier" / f"seed_{seed}" / "0_"
        write_json(run / "metrics.json", {})
        write_whole(run / ".hydra" / "overrides.yaml", f"- model=classifier\n- seed={seed}\n")
    found = Root(tmp_path, 2).filled(["levels=[]", BEST_CLASSIFIER], 1)
    path = tmp_path / "comparison/classifier/seed_1/0_/checkpoints/best.ckpt"
    assert found == ["levels=[]", f"classifier={path}"]


def test_baselines_have_rows_of_their_own(tmp_path: Path) -> None:
    for seed, (psnr, accuracy) in enumerate([(17.5, 0.6), (17.5, 0.7)]):
        found = {"psnr": psnr, "accuracy": accuracy, "images": 9, "settings": {"size": 5}}
        times = {"baselines_ms_per_image": {"median filter": 0.2}}
        write_json(
            tmp_path / f"{seed}" / "metrics.json",
            {"baselines": {"median filter": found}, "timings": times},
        )
    rows = baseline_rows([(seed, tmp_path / f"{seed}") for seed in (0, 1)])
    row = rows["median filter"]
    assert row["mean"] == pytest.approx({"psnr": 17.5, "accuracy": 0.65, "ms_per_image": 0.2})
    assert row["std"] == pytest.approx(
        {"psnr": 0, "accuracy": np.std([0.6, 0.7], ddof=1), "ms_per_image": 0}
    )


def test_mistakes_are_one_line(
    tmp_path: Path, results: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    cases = [
        (("comparisn",), 2, "there is no stage comparisn, did you mean comparison?"),
        (("--seeds", "0"), 2, "--seeds must be at least 1, got 0"),
        (("first", "--", "modle=dense"), 1, "first: train.py: "),
    ]
    for arguments, status, reason in cases:
        assert results("--root", tmp_path, *arguments) == status
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"python -m benchmarks.results: {reason}")
    assert "modle" in line
    assert not [*tmp_path.rglob("results.json")]


def test_a_stage_that_fails_leaves_those_alone_that_do_not_need_it(
    tmp_path: Path,
    results: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tried = []

    def fail(stage: Stage, *others: Any) -> None:
        tried.append(stage.name)
        if stage.name == "first":
            raise running.CommandFailedError("no such luck")

    monkeypatch.setattr(command, "run", fail)
    monkeypatch.setattr(command, "_store", lambda *given: None)
    assert results("first", "second", "vae_beta", "--root", tmp_path) == 1
    assert tried == ["vae_beta", "first"]
    assert capsys.readouterr().err.splitlines() == [
        "python -m benchmarks.results: first: no such luck",
        "python -m benchmarks.results: second needs first, which has failed",
    ]


@pytest.fixture
def stopped(tmp_path: Path) -> Started:
    """Start the command itself, and stop it when it has begun to train."""
    words = ["vae_beta", "--root", str(tmp_path), *FURTHER]
    script = ROOT / "benchmarks" / "results" / "__main__.py"
    started = Started(script, words, ROOT, environment())
    log = tmp_path / "vae_beta" / "vae" / "seed_0" / running.LOG
    for _ in range(1200):
        if log.exists():
            break
        time.sleep(0.1)
    os.kill(started.process, signal.SIGTERM)
    return started


def test_a_signal_stops_it_with_one_line_that_says_how_to_go_on(stopped: Started) -> None:
    done = stopped.wait()
    (line,) = done.stderr.splitlines()
    assert line.endswith("stopped by SIGTERM: the same command goes on where this ended")
    assert done.returncode == 128 + signal.SIGTERM


def test_what_remains_is_judged_by_jobs_of_the_same_kind() -> None:
    ended = [Job("a", 0, 60.0), Job("a", 1, 120.0)]
    assert running.remaining(ended) == "2 of 2 jobs"
    assert running.remaining([*ended, Job("a", 2, None)]) == "2 of 3 jobs, 0:01:30 remain"
    assert running.remaining([*ended, Job("a", 2, None), Job("b", 0, None)]) == (
        "2 of 4 jobs, at least 0:01:30 remain: 1 jobs have no time yet"
    )
    assert running.remaining([Job("b", 0, None)]) == "0 of 1 jobs, no time is known yet"
    assert running.duration(3725) == "1:02:05"
