"""Lightning's loggers, profilers and progress bars, as a run's config names them."""

import csv
from pathlib import Path

import pytest

from cli.messages import is_users_mistake
from tests.helpers.runs import SMALL_DENSE, TINY, curves, run_command, train_in

LIGHTNING = "pytorch_lightning"
DENSE = (*SMALL_DENSE, "trainer.max_epochs=2")


def nodes(setting: str, *names: str) -> str:
    return f"{setting}=[{','.join(f'{{_target_:{LIGHTNING}.{name}}}' for name in names)}]"


def test_a_list_of_loggers_logs_the_same_in_each(tmp_path: Path) -> None:
    both = nodes("trainer.logger", "loggers.TensorBoardLogger", "loggers.CSVLogger")
    train_in(tmp_path, *DENSE, both)
    with (tmp_path / "csv" / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["val/psnr"]]
    steps, values = zip(*curves(tmp_path)["val/psnr"], strict=True)
    assert [int(row["step"]) for row in rows] == list(steps)
    assert [float(row["val/psnr"]) for row in rows] == pytest.approx(values)
    assert (tmp_path / "checkpoints" / "best.ckpt").is_file()


def test_a_list_without_tensorboard_stands_in_its_place(tmp_path: Path) -> None:
    train_in(tmp_path, *DENSE, nodes("trainer.logger", "loggers.CSVLogger"))
    assert (tmp_path / "csv" / "metrics.csv").is_file()
    assert not (tmp_path / "tensorboard").exists()


@pytest.mark.parametrize("profiler", ["simple", "advanced"])
def test_a_profiler_reports_on_the_terminal_and_in_the_run(
    profiler: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train_in(tmp_path, *DENSE, f"trainer.profiler={profiler}")
    report = (tmp_path / "fit-profile.txt").read_text()
    assert "training_step" in report
    assert report.strip().splitlines()[0] in capsys.readouterr().out
    assert "test_step" in (tmp_path / "test-profile.txt").read_text()


@pytest.mark.parametrize(
    ("finder", "setting"),
    [("LearningRateFinder", "model.optimizer.lr"), ("BatchSizeFinder", "batch_size")],
)
def test_what_would_change_a_setting_is_refused(finder: str, setting: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"{finder} would train with another .*{setting}"):
        train_in(tmp_path, *DENSE, nodes("trainer.callbacks", f"callbacks.{finder}"))
    assert not list(tmp_path.iterdir())


def test_what_finds_nothing_to_work_on_is_refused(tmp_path: Path) -> None:
    backbone = nodes("trainer.callbacks", "callbacks.BackboneFinetuning")
    with pytest.raises(ValueError, match="no model here has a backbone"):
        train_in(tmp_path, *DENSE, backbone)


def test_a_package_that_is_missing_is_one_line() -> None:
    missing = "`DeviceStatsMonitor` cannot log CPU stats. Requirement 'psutil' not met."
    for message, told in ((missing, True), ("No module named 'denoiser'", False)):
        with pytest.raises(ModuleNotFoundError) as caught:
            raise ModuleNotFoundError(message)
        assert is_users_mistake(caught.value) == told


def test_a_progress_bar_of_the_users_replaces_ours(tmp_path: Path) -> None:
    rich = nodes("trainer.callbacks", "callbacks.RichProgressBar")
    train_in(tmp_path, *DENSE, rich, "trainer.enable_progress_bar=true")
    assert (tmp_path / "metrics.json").is_file()


def test_where_there_is_no_terminal_an_epoch_is_a_line(tmp_path: Path) -> None:
    shown = ("trainer.enable_progress_bar=true", "hydra.run.dir=run")
    done = run_command("train.py", *TINY, *DENSE, *shown, directory=tmp_path)
    assert done.returncode == 0
    lines = [line for line in done.stdout.splitlines() if line.startswith("epoch ")]
    assert [line.partition(":")[0] for line in lines] == ["epoch 1", "epoch 2"]
    assert all("val/psnr" in line and "images/s" in line for line in lines)
    assert done.stderr == ""
    assert len(done.stdout) < 3_000
