"""A multirun has a directory for each job, runs each as if alone, and survives failures."""

from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from tests.helpers.runs import TINY, Run, json_of, read, run_command, same, trained, untimed

FEW = ("model.hidden=[16]", "data.train_size=32", "data.val_size=16", "data.test_size=16")
ONE_EPOCH = (*TINY, *FEW, "trainer.max_epochs=1")
# These are defaults. With each in a directory's name, the name would be too long.
LONG = (
    "trainer.accumulate_grad_batches=1",
    "trainer.check_val_every_n_epoch=1",
    "trainer.enable_model_summary=false",
    "trainer.reload_dataloaders_every_n_epochs=0",
)


def jobs_in(directory: Path) -> list[Path]:
    """Return the jobs' directories, relative and in order."""
    folders = (
        file.parent.relative_to(directory) for file in directory.glob("multirun/*/*/*/.hydra")
    )
    return sorted(folders, key=lambda folder: int(folder.name.partition("_")[0]))


def test_a_sweep_gives_what_each_job_gives_alone(tmp_path: Path) -> None:
    overrides = (*ONE_EPOCH, *LONG, "model=dense,vae", "seed=3")
    done = run_command("train.py", "-m", *overrides, directory=tmp_path)
    assert done.returncode == 0, done.stderr
    jobs = jobs_in(tmp_path)
    assert len(jobs) == 2
    ids = set()
    for job, model in zip(jobs, ("dense", "vae"), strict=True):
        assert f"model-{model}" in job.name
        assert not set("=,[](){} '\"") & set(str(job))
        assert len(job.name) < 100
        run = Run(tmp_path / job, 0.0)
        alone = trained(f"model={model}", *FEW, "trainer.max_epochs=1", "seed=3")
        assert same(read(run.last)["state_dict"], read(alone.last)["state_dict"])
        assert untimed(run.history) == untimed(alone.history)
        assert run.metrics["test"] == alone.metrics["test"]
        ids.add(run.metrics["run_id"])
        written = job / "checkpoints" / "best.ckpt"
        override = OverridesParser.create().parse_override(f"checkpoint={written}")
        assert override.value() == str(written)
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("overrides", "meant"),
    [(["model=dense,vea"], "model=vae"), (["model=dense,vae", "noise.stdd=1,2"], "noise.std")],
)
def test_what_composition_can_see_stops_a_sweep_before_its_first_job(
    overrides: list[str], meant: str, tmp_path: Path
) -> None:
    done = run_command("train.py", "-m", *ONE_EPOCH, *overrides, directory=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("train.py: ")
    assert line.endswith(f"did you mean {meant}?")
    assert not jobs_in(tmp_path)
    assert not list(tmp_path.rglob("run.json"))


def test_a_failing_job_does_not_stop_the_others(tmp_path: Path) -> None:
    overrides = (*ONE_EPOCH, "model=dense", "noise.std=-1,0.1")
    done = run_command("train.py", "-m", *overrides, directory=tmp_path)
    assert done.returncode == 1
    assert "noise.std must be" in done.stderr
    assert "Traceback" not in done.stderr
    failed, good = jobs_in(tmp_path)
    assert not (tmp_path / failed / "checkpoints").exists()
    assert json_of(tmp_path / good / "metrics.json")["test"]["psnr"] > 0
