"""Processes that share a run, with trainer=ddp, make the run that one process makes."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric.plugins.environments.lightning import find_free_network_port
from pytorch_lightning import Callback
from torch import Tensor, nn

from datamodules.noise import Gaussian
from datamodules.sampling import DrawSampler
from denoisers.base import ImageModel
from denoisers.checkpoint import describe, load_model
from denoisers.composite import Composite
from denoisers.noise2void import Noise2Void
from denoisers.objectives import R2R, SURE, Neighbor2Neighbor, Noise2Noise, Noise2Self
from denoisers.optimizer import OptimizerSettings
from denoisers.unsure import UNSURE
from denoisers.zero_shot import ZeroShot
from tests.helpers.models import new_data, new_model, quiet_trainer
from tests.helpers.processes import ENDLESS, Command, call_in_process
from tests.helpers.runs import (
    OPEN,
    TINY,
    Run,
    read,
    resume_in,
    run_command,
    train_in,
    trained,
    untimed,
)

PROCESSES = 2
# The last batches of training, validation and test have 9, 1 and 15 images.
ODD = ("data.train_size=57", "data.val_size=65", "data.test_size=79", "data.batch_size=16")
SMALL_VAE = ("model=vae", "model.hidden=[8]", "model.latent_dim=4")
SHARED = ("trainer.strategy=ddp", f"trainer.devices={PROCESSES}")
MODELS = ("dense", "vae", "conv_transposed", "conv_upsample", "unet", "dncnn", "classifier")
NATS = ("loss", "reconstruction", "kl")
OBJECTIVES = (
    Noise2Noise(),
    Noise2Self(4),
    Neighbor2Neighbor(2.0),
    SURE(0.5, 0.001),
    R2R(0.5, 0.5),
    Noise2Void(4, 5),
    ZeroShot(1.0),
    UNSURE(0.01, 0.5, 0.1, 0.0),
)


def composite() -> Composite:
    denoiser, classifier = (
        describe(new_model("vae")),
        describe(new_model("classifier", dropout=0.0)),
    )
    optimizer: OptimizerSettings = {
        "lr": 1e-3,
        "schedule": "exponential",
        "lr_decay": 1.0,
        "warmup": 0.0,
        "weight_decay": 0.0,
        "muon_lr": None,
    }
    return Composite(denoiser, classifier, True, 100.0, optimizer, 0)


def first_steps(**trainer: Any) -> dict[str, dict[str, Tensor]]:
    """Return the gradients and buffers after the first step of each model and each objective."""
    cases: dict[str, ImageModel] = {name: new_model(name) for name in MODELS}
    cases["classifier"] = new_model("classifier", dropout=0.0)  # whose masks are not shared
    cases["composite"] = composite()
    callbacks: dict[str, list[Callback]] = {}
    for objective in OBJECTIVES:
        name = type(objective).__name__
        cases[name] = model = new_model("unet")
        model.train_by(objective)
        callbacks[name] = objective.callbacks()
    found = {}
    for name, model in cases.items():
        torch.manual_seed(0)
        for parameter in model.parameters():
            nn.init.normal_(parameter, std=0.05)  # all parts matter, also those that begin at zero
        data = new_data(Gaussian(0.5, clip=False), train_size=30, batch_size=9)
        data.second_view = True
        trainer |= {"max_steps": 1, "limit_val_batches": 0, "use_distributed_sampler": False}
        quiet_trainer(**trainer, callbacks=callbacks.get(name)).fit(model, data)
        gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
        found[name] = gradients | dict(model.named_buffers())
        for callback in callbacks.get(name, ()):  # what UNSURE has gathered of all images
            found[f"{name} beside"] = {"velocity": torch.tensor(callback.state_dict()["velocity"])}
    return found


def first_steps_in_process(rank: str, folder: str, port: str) -> None:
    os.environ |= {"LOCAL_RANK": rank, "MASTER_PORT": port}
    torch.set_num_threads(1)
    torch.save(first_steps(strategy="ddp", devices=PROCESSES), Path(folder) / rank)


def test_the_steps_of_two_processes_are_those_of_one(tmp_path: Path) -> None:
    port = find_free_network_port()
    both = [
        call_in_process(first_steps_in_process, rank, tmp_path, port) for rank in range(PROCESSES)
    ]
    one = first_steps()
    for process in both:
        done = process.wait()
        assert done.returncode == 0, done.stderr
    assert len(one) == len(MODELS) + 1 + len(OBJECTIVES) + 1
    assert one["UNSURE beside"]["velocity"] != 0
    for rank in range(PROCESSES):
        two = torch.load(tmp_path / str(rank))
        for name, expected in one.items():
            assert two[name].keys() == expected.keys()
            largest = max(value.abs().max().item() for value in expected.values())
            for key, value in expected.items():
                torch.testing.assert_close(
                    two[name][key], value, rtol=1e-3, atol=2e-4 * largest, msg=f"{name}: {key}"
                )


@pytest.mark.parametrize(
    "accelerator",
    [
        "cpu",
        pytest.param(
            "gpu",
            marks=pytest.mark.skipif(
                torch.cuda.device_count() < PROCESSES, reason="there are fewer than two GPUs"
            ),
        ),
    ],
)
def test_two_processes_go_on_with_the_run_of_one_and_measure_what_one_does(
    accelerator: str, tmp_path: Path
) -> None:
    """The last batch is too small for both. In the end one process goes on with the run of two."""
    begun = trained(*SMALL_VAE, OPEN, *ODD, "trainer.max_epochs=1", "trainer.logger=true")
    device = f"trainer.accelerator={accelerator}"
    shared = (f"checkpoint={begun.last}", "trainer.max_epochs=2", *SHARED, device)
    done = run_command("train.py", *shared, "hydra.run.dir=run", directory=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.count("Everything is in run") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    run = Run(tmp_path / "run", 0.0)
    assert {path.name for path in run.directory.iterdir()} == {
        *(path.name for path in begun.directory.iterdir()),
        ".hydra",
        "train.log",
    }
    first, second = untimed(run.history)
    assert first == untimed(begun.history)[0]
    assert second["step"] == 2 * first["step"] == 2 * 4
    alone = train_in(tmp_path / "alone", *SMALL_VAE, OPEN, *ODD, "trainer.max_epochs=2")
    # Rounding apart, which AdamW makes much of where a gradient is next to nothing.
    assert second == pytest.approx(untimed(alone.history)[1], rel=0.01)
    assert run.metrics["images"] == alone.metrics["images"]
    assert run.metrics["images"]["validation"] == {"scored": 65, "of": 65}

    model, _ = load_model(run.best)
    data = new_data(train_size=57, val_size=65, test_size=79, batch_size=16)
    trainer = quiet_trainer()
    for validation, written in ((True, "validation"), (False, "test")):
        (found,) = (trainer.validate if validation else trainer.test)(model, data, verbose=False)
        assert len(found) == len(run.metrics[written])
        for metric, value in found.items():
            name = metric.partition("/")[2]
            rounding = 1e-4 if name in NATS else 0.0  # they are sums over 784 pixels
            assert run.metrics[written][name] == pytest.approx(value, rel=1e-6, abs=rounding)

    on_one = ("trainer.strategy=auto", "trainer.devices=1", "trainer.accelerator=cpu")
    again = resume_in(tmp_path / "again", run.last, *on_one, "trainer.max_epochs=3")
    assert untimed(again.history)[:2] == untimed(run.history)


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def process_of_second(directory: Path) -> int:
    return int((directory / "second").read_text())


STOP_SECOND = "trainer.callbacks=[{{_target_:tests.helpers.callbacks.Second,file:second,fails:{}}}]"


def test_a_run_ends_with_one_line_where_one_of_its_processes_fails(tmp_path: Path) -> None:
    fails = STOP_SECOND.format("true")
    done = run_command(
        "train.py", *ENDLESS, *SHARED, fails, "hydra.run.dir=run", directory=tmp_path
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "train.py: process 1 of those that share the run has failed: ended by SIGKILL"
    ]
    assert not is_running(process_of_second(tmp_path))
    assert not (tmp_path / "run" / "metrics.json").exists()


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.long)]
)
def test_a_signal_ends_all_processes_of_a_run(number: signal.Signals, tmp_path: Path) -> None:
    noted = STOP_SECOND.format("false")
    run = Command(tmp_path, "train.py", *ENDLESS, *SHARED, noted, "hydra.run.dir=run")
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    run.wait_for(last.exists)
    if number == signal.SIGINT:
        status, errors = run.stop(number)  # it comes to all processes, as from a terminal
        assert status == 130
        assert errors == [
            "train.py: stopped by SIGINT: go on with checkpoint=run/checkpoints/last.ckpt"
        ]
    else:
        os.kill(run.process, number)  # it comes to the first alone
        run.wait()
    end = time.monotonic() + 30
    while is_running(process_of_second(tmp_path)):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert read(last)["epoch"] >= 0


@pytest.mark.parametrize("launcher", [pytest.param("basic", marks=pytest.mark.long), "joblib"])
def test_a_sweep_in_one_process_is_refused_before_its_first_job(
    launcher: str, tmp_path: Path
) -> None:
    if launcher == "joblib":
        pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="no joblib launcher")
    sweep = (
        "-m",
        *TINY,
        "trainer=ddp",
        "model.optimizer.lr=0.001,0.002",
        f"hydra/launcher={launcher}",
    )
    done = run_command("train.py", *sweep, "hydra.sweep.dir=sweep", directory=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "train.py: trainer=ddp: the jobs of this sweep share one process, which can't be started "
        "again for each: loop over them in the shell"
    ]
    assert not list(tmp_path.glob("sweep/*/run.json"))


def test_each_process_takes_part_in_every_step_of_training() -> None:
    with pytest.raises(ValueError, match=r"data.batch_size: a batch of the train images has 1"):
        DrawSampler("train", 65, 16, seed=0).require_shares(2)
    DrawSampler("train", 65, 65, seed=0).require_shares(65)
    DrawSampler("val", 65, 16).require_shares(2)  # of the last batch only one has an image
    with pytest.raises(ValueError, match=r"data.batch_size: a batch of the val images has 3"):
        DrawSampler("val", 3, 16).require_shares(4)


def test_several_processes_want_the_command(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"only the command train.py starts several processes"):
        train_in(tmp_path, "model=dense", *SHARED)


def test_a_process_of_several_does_not_train_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(ValueError, match=r"RANK=1 says .* take trainer=ddp"):
        train_in(tmp_path, "model=dense")
    assert not list(tmp_path.iterdir())
