"""Runs that trainer.max_time ends: what they keep, how they go on, and how they compare."""

from pathlib import Path

import pytest

from comparison import report
from comparison.leaderboard import compare
from comparison.results import read as read_results
from tests.helpers.lines import line_for
from tests.helpers.runs import OPEN, ROOT, SMALL_DENSE, Run, compose, read, resume_in, train_in

TIMED = (*SMALL_DENSE, "trainer.max_epochs=-1", OPEN)


def naps(seconds: dict[int, int]) -> str:
    """Return the override with naps at the start of epochs, counted from 0."""
    nodes = (
        f"{{_target_:tests.helpers.callbacks.Nap,epoch:{e},seconds:{s}}}"
        for e, s in seconds.items()
    )
    return f"trainer.callbacks=[{','.join(nodes)}]"


@pytest.fixture(scope="module")
def timed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a run that has 3 seconds. One is over in its first epoch, the last in its second."""
    folder = tmp_path_factory.mktemp("timed")
    return train_in(folder / "run", *TIMED, "trainer.max_time=00:00:00:03", naps({0: 1, 1: 2}))


def test_of_an_epoch_that_time_has_cut_off_nothing_is_kept(timed: Run) -> None:
    assert [row["epoch"] for row in timed.history] == [1]
    assert (timed.metrics["epochs"], timed.metrics["best_epoch"]) == (1, 1)
    for checkpoint in (timed.last, timed.best):
        content = read(checkpoint)
        assert content["epoch"] == 0
        assert content["loops"]["fit_loop"]["epoch_loop.batch_progress"]["is_last_batch"]
    assert timed.returned == timed.history[0]["val/psnr"] == timed.metrics["validation"]["psnr"]


def test_a_resumed_run_has_what_is_left_of_its_time(timed: Run, tmp_path: Path) -> None:
    """If the time were counted anew, it would not be over in the second epoch."""
    again = resume_in(tmp_path / "again", timed.last, naps({1: 2}))
    assert again.history == timed.history
    assert again.returned == timed.returned
    more = ("trainer.max_time=00:01:00:00", "trainer.max_epochs=2")
    longer = resume_in(tmp_path / "longer", timed.last, *more)
    assert [row["epoch"] for row in longer.history] == [1, 2]


def test_a_run_whose_first_epoch_is_not_over_in_time_is_one_line(tmp_path: Path) -> None:
    line = line_for(
        lambda: train_in(tmp_path / "run", *TIMED, "trainer.max_time=00:00:00:01", naps({0: 1}))
    )
    assert line.startswith("trainer: no epoch was trained to its end")
    assert "max_time" in line
    assert not [*tmp_path.rglob("*.ckpt")]
    assert not [*tmp_path.rglob("metrics.json")]


def test_the_preset_trains_every_denoiser_for_the_same_time_and_nothing_else_ends_it() -> None:
    cfg = compose("train", "experiment=equal_time")
    assert (cfg.trainer.max_epochs, cfg.trainer.max_steps) == (-1, -1)
    assert cfg.early_stopping.patience is None
    assert cfg.trainer.max_time == "00:00:05:00"
    text = (ROOT / "conf" / "experiment" / "equal_time.yaml").read_text()
    (swept,) = (
        line.split(": ")[1] for line in text.splitlines() if line.startswith("      model:")
    )
    models = {file.stem for file in (ROOT / "conf" / "model").glob("*.yaml")}
    assert set(swept.split(",")) == models - {"classifier", "composite"}


def test_runs_of_the_preset_are_compared_at_equal_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for model in ("dense", "vae"):
        small = ("model.hidden=[8]", "model.latent_dim=2", "trainer.max_time=00:00:00:01")
        train_in(tmp_path / model, "experiment=equal_time", f"model={model}", *small)
    found = compare(read_results([tmp_path]))
    assert not found.left_out
    (table,) = found.tables
    assert {row.label for row in table.rows} == {"dense", "vae"}
    for row in table.rows:
        assert row.budget == 1
        assert row.seconds > 0
        assert row.epochs >= 1
    report.write(found, tmp_path)
    assert "At equal time" in " ".join(capsys.readouterr().out.split())
