"""The learning rate's schedules against torch's own, and their ends."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    LRScheduler,
    SequentialLR,
)

from denoisers.schedule import Length, ScheduleName, scheduler
from tests.helpers.runs import compose, read, resume_in, train_in

LENGTH = Length(steps_per_epoch=10, steps=40, epochs=4)
LINEAR = (
    *("model=dense", "model.hidden=[8]", "model.latent_dim=4", "data.batch_size=64"),
    *("model.optimizer.schedule=linear", "trainer.max_epochs=3"),
)
BATCHES = 4


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)


def rates(schedule: LRScheduler, steps: int = 40) -> list[float]:
    found = []
    for _ in range(steps):
        found.append(float(schedule.get_last_lr()[0]))
        schedule.optimizer.step()
        schedule.step()
    return found


def made(name: ScheduleName, warmup: float, length: Length = LENGTH) -> dict[str, Any]:
    return scheduler(optimizer(), name, 0.5, warmup, length)


def test_schedules_are_those_of_torch() -> None:
    linear = LinearLR(optimizer(), start_factor=1, end_factor=0, total_iters=40)
    assert rates(made("linear", 0)["scheduler"]) == pytest.approx(rates(linear))
    cosine = CosineAnnealingLR(optimizer(), T_max=40)
    assert rates(made("cosine", 0)["scheduler"]) == pytest.approx(rates(cosine))
    for name in ("linear", "cosine"):
        assert made(name, 0)["interval"] == "step"


def test_exponential_and_constant_change_after_epochs() -> None:
    decaying, constant = made("exponential", 0), made("constant", 0)
    assert decaying["interval"] == constant["interval"] == "epoch"
    assert rates(decaying["scheduler"], 4) == rates(ExponentialLR(optimizer(), 0.5), 4)
    assert rates(constant["scheduler"], 4) == [0.1] * 4


@pytest.mark.parametrize("name", ["exponential", "linear", "cosine", "constant"])
def test_the_warm_up_rises_to_the_highest_rate(name: ScheduleName) -> None:
    """Over half an epoch, 5 steps. What falls to 0 does so from there."""
    found = made(name, 0.5)
    assert found["interval"] == "step"
    rising = rates(found["scheduler"])
    assert rising[:5] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1])
    after = {
        "exponential": [0.1 * 0.5 ** (step // 10) for step in range(5, 40)],
        "constant": [0.1] * 35,
        "linear": [0.1 * (1 - step / 35) for step in range(35)],
        "cosine": [0.05 * (1 + math.cos(math.pi * step / 35)) for step in range(35)],
    }
    assert rising[5:] == pytest.approx(after[name])


def test_a_warm_up_equals_torchs_in_sequence() -> None:
    base = optimizer()
    parts: list[LRScheduler] = [
        LinearLR(base, start_factor=0.1, end_factor=1, total_iters=9),
        LinearLR(base, start_factor=1, end_factor=0, total_iters=30),
    ]
    torchs = rates(SequentialLR(base, parts, milestones=[10]))
    assert rates(made("linear", 1)["scheduler"]) == pytest.approx(torchs)


@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_a_schedule_with_an_end_needs_one_after_its_warm_up(name: ScheduleName) -> None:
    with pytest.raises(ValueError, match=rf"schedule={name}: the learning rate falls to 0 at the"):
        made(name, 0, Length(10, None, None))
    with pytest.raises(ValueError, match=r"warmup=4: the run has no step after it, as it has 40 "):
        made(name, 4)


def test_the_rate_falls_to_0_at_the_end_of_a_run(tmp_path: Path) -> None:
    """Whatever ends it: the epochs, the steps, or epochs that are cut to some batches."""
    optimizer = compose("train", *LINEAR).model.optimizer
    for settings, steps in (
        ((), 3 * BATCHES),
        (("trainer.max_steps=10",), 10),
        (("trainer.limit_train_batches=2",), 3 * 2),
        (("trainer.limit_train_batches=0.5",), 3 * 2),
        (("trainer.accumulate_grad_batches=3",), 3 * 2),
    ):
        run = train_in(tmp_path / str(steps) / "_".join(settings), *LINEAR, *settings)
        (state,) = read(run.last)["lr_schedulers"]
        assert state["lr_lambdas"][0]["steps"] == steps
        done = read(run.last)["global_step"]
        assert state["_last_lr"] == pytest.approx(
            [highest * (1 - done / steps) for highest in (optimizer.lr, optimizer.muon_lr)],
            abs=1e-9,
        )
        assert run.history[0]["learning_rate"] > run.history[-1]["learning_rate"] > 0


def test_a_run_whose_schedule_ends_is_not_extended(tmp_path: Path) -> None:
    run = train_in(tmp_path / "run", *LINEAR)
    with pytest.raises(ValueError, match=r"max_epochs=5: .*ast.ckpt falls to 0 after 3 epochs. To"):
        resume_in(tmp_path / "longer", run.last, "trainer.max_epochs=5")
