"""Hydra's options and sweeps on the command line, which work or end with one line."""

from pathlib import Path

import pytest

from tests.helpers.runs import DENSE, TINY, json_of, run_command, trained


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("-m --cfg job", "Only one of --run, --multirun, --cfg"),
        ("-m model=dense,vae --cfg job", "Only one of --run, --multirun, --cfg"),
        ("--info all -m", "Only one of --run, --multirun, --cfg"),
        ("--resolve", "The --resolve flag can only be used in conjunction with --cfg"),
        (
            "-m model=dense,unet model.latent_dim=16",
            "model.latent_dim: there is no such setting of model=unet, the choices are channels, ",
        ),
        (
            "-m noise=gaussian,dropout noise.std=0.1",
            "noise.std: there is no such setting of noise=dropout, the choices are ",
        ),
        (  # the preset sweeps over four models
            "-m experiment=comparison model.latent_dim=16",
            "model.latent_dim: there is no such setting of ConvTransposed, the choices are ",
        ),
    ],
)
def test_what_does_not_go_together_is_one_line(arguments: str, said: str, tmp_path: Path) -> None:
    done = run_command("train.py", *arguments.split(" "), directory=tmp_path)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert line.startswith(f"train.py: {said}")


def test_a_setting_of_the_swept_models_is_one_though_the_default_has_none(tmp_path: Path) -> None:
    swept = ("model=dense,vae", "model.latent_dim=3", "model.hidden=[8]")
    quick = ("trainer.max_epochs=1", "hydra.sweep.dir=sweep")
    done = run_command("train.py", "-m", *TINY, *quick, *swept, directory=tmp_path)
    assert done.returncode == 0, done.stderr
    files = sorted((tmp_path / "sweep").glob("*/.hydra/config.yaml"))
    assert [file.read_text().count("latent_dim: 3") for file in files] == [1, 1]


def test_paths_are_relative_to_where_the_command_was_started(tmp_path: Path) -> None:
    (tmp_path / "best.ckpt").write_bytes(trained(*DENSE).best.read_bytes())
    options = ("hydra.job.chdir=true", "hydra.run.dir=scored", "trainer.accelerator=cpu")
    quick = ("baselines=none", "levels=[]", "checkpoint=best.ckpt")
    done = run_command("eval.py", *options, *quick, directory=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json_of(tmp_path / "scored" / "metrics.json")["test"]["psnr"] > 0
