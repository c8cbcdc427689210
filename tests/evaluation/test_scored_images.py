"""How many images gave a score: counted, said wherever the score is, and minded by comparisons."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import compare
from denoisers.checkpoint import load_model
from denoisers.metrics import psnr
from exporting.about import describe_export, metrics_beside
from tests.helpers.comparison import write_evaluation, write_run
from tests.helpers.leaderboard import compared, labels, reasons
from tests.helpers.runs import (
    CLASSIFIER,
    CONTROL,
    DENSE,
    TINY,
    VAE,
    Run,
    compose,
    evaluation_images,
    json_of,
    resume_in,
    score_in,
    scored,
    trained,
)

# 90 of the images fill two batches of 4 x 10 and a part of a third one.
SIZES = ("data.train_size=20", "data.test_size=90", "data.val_size=90", "data.batch_size=10")
COUNT, TOTAL = 40, 90  # images in a batch, and in the split


def partly(run: tuple[str, ...]) -> Run:
    return trained(*run, *SIZES, "trainer.limit_test_batches=1", "trainer.limit_val_batches=2")


@pytest.mark.parametrize(
    ("limit", "count"),
    [
        ((), 90),
        (("trainer.limit_test_batches=1",), 40),
        (("trainer.limit_test_batches=2",), 80),
        (("trainer.limit_test_batches=3",), 90),
        (("trainer.limit_test_batches=0.4",), 40),
        (("trainer.limit_test_batches=1.0",), 90),
        (("trainer.fast_dev_run=true",), 40),
        (("trainer.fast_dev_run=2",), 80),
        (("split=val", "trainer.limit_test_batches=1"), 40),
    ],
    ids=str,
)
def test_an_evaluation_says_how_many_images_it_has_scored(
    limit: tuple[str, ...], count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = trained(*DENSE).best
    metrics = score_in(tmp_path, checkpoint, *SIZES, *limit)
    assert metrics["images"] == {"scored": count, "of": TOTAL}
    split = "val" if "split=val" in limit else "test"
    batch = evaluation_images(compose("train", *TINY, *SIZES), split, count)  # type: ignore[arg-type]
    with torch.no_grad():
        expected = psnr(load_model(checkpoint)[0](batch.noisy), batch.clean).mean().item()
    assert metrics["test"]["psnr"] == pytest.approx(expected, abs=1e-4)
    name = "validation" if split == "val" else "test"
    which = f"90 {name} images" if count == TOTAL else f"first {count} of 90 {name} images"
    for text in (
        capsys.readouterr().out,
        (tmp_path / "metrics.txt").read_text(),
        (tmp_path / "report.html").read_text(),
    ):
        assert f"Dense on the {which}" in text
        assert f"Scored on the {which}" in text
        assert ("on the 90 " in text) == (count == TOTAL)


def test_all_that_goes_with_a_score_is_of_the_same_images(tmp_path: Path) -> None:
    judges = [f"classifier={trained(*CLASSIFIER).best}", f"control={trained(*CONTROL).best}"]
    words = [*SIZES, "data.val_size=10", "trainer.limit_test_batches=1", "baselines=fast"]
    words += ["levels=[0.5]"]
    metrics = score_in(tmp_path, trained(*DENSE).best, *words, *judges)
    batch = evaluation_images(compose("train", *TINY, *SIZES), "test", COUNT)
    assert {sum(map(sum, matrix)) for matrix in metrics["confusion"].values()} == {COUNT}
    assert sum(found["images"] for found in metrics["by_class"].values()) == COUNT
    assert {found["images"] for found in metrics["baselines"].values()} == {COUNT}
    assert {row["images"] for row in metrics["noise_curve"]} == {COUNT}
    assert metrics["timings"]["timed_images"] == COUNT
    with (tmp_path / "per_image.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["label"]) for row in rows] == batch.label.tolist()
    # At the noise of the test, the curve is made of the same images as the scores are.
    for method, found in (("noisy input", metrics["noisy_input"]), ("model", metrics["test"])):
        (at_test,) = (row for row in metrics["noise_curve"] if row["method"] == method)
        for measure in ("psnr", "ssim"):
            assert at_test[measure] == pytest.approx(found[measure], abs=1e-4)
    for name, interval in metrics["task"]["accuracy"].items():
        assert interval["accuracy"] * COUNT == pytest.approx(round(interval["accuracy"] * COUNT))
        assert interval["accuracy"] == metrics["accuracy"][name]
    for median in ("median filter", "Gaussian filter"):
        (at_test,) = (row for row in metrics["noise_curve"] if row["method"] == median)
        assert at_test["psnr"] == pytest.approx(metrics["baselines"][median]["psnr"], abs=1e-6)


def test_a_vaes_posterior_is_of_the_scored_images(tmp_path: Path) -> None:
    limit = (*SIZES, "trainer.limit_test_batches=1")
    metrics = score_in(tmp_path, trained(*VAE).best, *limit)
    assert metrics["vae"]["images"] == COUNT
    assert metrics["vae"]["psnr"]["mean"] == pytest.approx(metrics["test"]["psnr"], abs=1e-3)


def test_a_run_says_how_many_images_it_was_validated_and_tested_on(tmp_path: Path) -> None:
    run = partly(DENSE)
    counts = {"validation": {"scored": 80, "of": TOTAL}, "test": {"scored": COUNT, "of": TOTAL}}
    assert run.metrics["images"] == counts
    text = " ".join((run.directory / "metrics.txt").read_text().split())
    said = "the first 80 of 90 validation images and the first 40 of 90 test images."
    assert f"Scored on {said}" in text
    model, record = load_model(run.best)
    about = describe_export(model, record, metrics_beside(run.best, record), "none")
    assert json.loads(about["scored_images"]) == counts
    whole = trained(*DENSE)
    assert "64 validation images and the 64 test images" in " ".join(
        (whole.directory / "metrics.txt").read_text().split()
    )
    # The best epoch's count, also where a later part of the run is validated on other images.
    resumed = resume_in(tmp_path, run.last, "trainer.max_epochs=4", "trainer.limit_val_batches=1")
    best = resumed.metrics["best_epoch"]
    assert resumed.metrics["images"]["validation"]["scored"] == (40 if best == 4 else 80)


def test_a_run_that_was_cut_off_in_its_tests_still_knows_its_validation(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", 0.0)
    shutil.copytree(partly(DENSE).directory, run.directory)
    (run.directory / "metrics.json").unlink()
    again = resume_in(tmp_path / "again", run.last, "trainer.max_epochs=3")
    assert again.metrics["images"]["validation"] == {"scored": 80, "of": TOTAL}


def counted(directory: Path, **images: tuple[int, int]) -> None:
    """Write the counts into a metrics.json of `tests.helpers.comparison`."""
    file = directory / "metrics.json"
    found = {name: {"scored": scored, "of": of} for name, (scored, of) in images.items()}
    file.write_text(json.dumps(json_of(file) | {"images": found.get("only", found)}))


def write_scored(top: Path, run_id: str, model: str, count: int | None, rows: int) -> None:
    write_run(top / "runs" / run_id, run_id, model)
    psnr = np.random.default_rng(len(run_id)).normal(19, 1, rows)
    write_evaluation(top / "scores" / run_id, run_id, psnr)
    if count is not None:
        counted(top / "scores" / run_id, only=(count, 200))
        counted(top / "runs" / run_id, validation=(500, 500), test=(200, 200))


@pytest.mark.parametrize("knows", [True, False], ids=["counted", "older"])
def test_an_evaluation_of_a_part_is_left_out_beside_whole_ones(knows: bool, tmp_path: Path) -> None:
    write_scored(tmp_path, "d", "dense", 200 if knows else None, 200)
    write_scored(tmp_path, "v", "vae", 200 if knows else None, 200)
    write_evaluation(tmp_path / "part", "v", np.full(50, 30.0), started="2026-02-01T13:00:00+00:00")
    if knows:
        counted(tmp_path / "part", only=(50, 200))
    found = compared(tmp_path)
    said = "the part that was scored is the first 50 of 200 and not all"
    assert reasons(found) == {"part": f"tested with other images: {said}"}
    assert {row.images for row in found.tables[0].rows} == {200}
    assert all(row.psnr < 25 for row in found.tables[0].rows)


def test_runs_that_were_tested_on_a_part_do_not_rank_beside_whole_ones(tmp_path: Path) -> None:
    for run_id, images in (("d", (90, 90)), ("v", (40, 90)), ("c", (90, 90))):
        model = {"d": "dense", "v": "vae", "c": "conv_transposed"}[run_id]
        write_run(tmp_path / run_id, run_id, model)
        counted(tmp_path / run_id, validation=(90, 90), test=images)
    write_run(tmp_path / "older", "o", seed=1, trainer={"limit_test_batches": 1})
    write_run(tmp_path / "older whole", "w", "vae", trainer={"limit_test_batches": 1.0})
    found = compared(tmp_path)
    assert sorted(*labels(found)) == ["conv_transposed", "dense", "vae"]
    said = "tested with other images: the part that was scored is"
    assert reasons(found) == {
        "v": f"{said} the first 40 of 90 and not all",
        "older": f"{said} of limit_test_batches=1 and not all",
    }


def test_a_newer_try_on_a_part_takes_no_whole_runs_place(tmp_path: Path) -> None:
    for run_id, images in (("whole", (90, 90)), ("try", (40, 90))):
        started = f"2026-01-{30 + (run_id == 'try')}T12:00:00+00:00"
        write_run(tmp_path / run_id, run_id, started=started)
        counted(tmp_path / run_id, validation=(90, 90), test=images)
    found = compared(tmp_path)
    assert [entry.run.run_id for entry in found.tables[0].rows[0].entries] == ["whole"]
    assert list(reasons(found)) == ["try"]


def test_where_all_are_of_the_same_part_the_tables_say_so(tmp_path: Path) -> None:
    for run_id, model in (("d", "dense"), ("v", "vae")):
        write_run(tmp_path / run_id, run_id, model)
        counted(tmp_path / run_id, validation=(90, 90), test=(40, 90))
    assert compare.main([str(tmp_path), "--output", str(tmp_path / "out")]) == 0
    for name in ("leaderboard.md", "leaderboard.html"):
        text = (tmp_path / "out" / name).read_text()
        assert "Scored on a part of the images: the first of 90." in text
    with (tmp_path / "out" / "leaderboard.csv").open() as file:
        assert [row["images"] for row in csv.DictReader(file)] == ["40", "40"]


def test_who_was_validated_on_a_part_is_marked(tmp_path: Path) -> None:
    for run_id, seen, trainer in (
        ("whole", 90, {}),
        ("also whole", 90, {"limit_val_batches": 3}),
        ("part", 40, {"limit_val_batches": 1}),
    ):
        write_run(tmp_path / run_id, run_id, trainer=trainer, seed=len(run_id))
        counted(tmp_path / run_id, validation=(seen, 90), test=(90, 90))
    found = compared(tmp_path)
    rows = {row.label: len(row.entries) for row in found.tables[0].rows}
    assert rows == {
        "dense, trainer.limit_val_batches=null": 2,
        "dense, trainer.limit_val_batches=1": 1,
    }
    compare.main([str(tmp_path), "--output", str(tmp_path / "out")])
    said = "limit_val_batches=1 was chosen by the first 40 of 90 validation images"
    assert said in (tmp_path / "out" / "leaderboard.md").read_text()


def test_of_real_runs_the_partly_tested_are_left_out(tmp_path: Path) -> None:
    whole: dict[str, Any] = {"dense": trained(*DENSE, *SIZES), "vae": trained(*VAE, *SIZES)}
    for name, run in (whole | {"part": partly(DENSE)}).items():
        (tmp_path / name).mkdir()
        for file in ("run.json", "metrics.json", "history.csv"):
            shutil.copy(run.directory / file, tmp_path / name)
    found = compared(tmp_path)
    assert sorted(*labels(found)) == ["dense", "vae"]
    assert "the first 40 of 90 and not all" in reasons(found)["part"]
    assert scored(whole["dense"].best)["images"] == {"scored": TOTAL, "of": TOTAL}
