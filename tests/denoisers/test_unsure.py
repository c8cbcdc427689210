"""UNSURE: its loss, the ascent of its multiplier, and how a resumed run keeps that."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from torch import Tensor, nn

import train
from denoisers.objectives import SURE, Noise2Self, standard_normal_like
from denoisers.unsure import UNSURE
from groundwork.batch import Batch
from tests.helpers.runs import (
    CPU,
    OPEN,
    Run,
    compose,
    curves,
    read,
    resume_in,
    same,
    train_in,
    trained,
    untimed,
)

STD = 0.5


def random_generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def noisy_batch(size: int = 6) -> Batch:
    noisy = torch.rand(size, 2, 10, 12, generator=random_generator())
    return Batch(noisy, torch.full_like(noisy, torch.nan), torch.full((size,), -1))


def new_unsure(**settings: float) -> UNSURE:
    defaults = {"epsilon": 0.01, "start": STD, "step_size": 0.1, "momentum": 0.9}
    return UNSURE(**defaults | settings)


def test_the_loss_is_its_formula() -> None:
    """For a linear network the divergence along b is exactly b . A b."""
    net, batch = nn.Conv2d(2, 2, 3, padding=1, bias=False), noisy_batch()
    terms = new_unsure().terms(net, batch, random_generator())
    direction = standard_normal_like(batch.noisy, random_generator())
    with torch.no_grad():
        divergence = (direction * net(direction)).sum((1, 2, 3)).mean()
        error = (net(batch.noisy) - batch.noisy).square().sum((1, 2, 3)).mean()
    torch.testing.assert_close(terms["divergence"], divergence / 240, rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(terms["loss"], error + 2 * STD**2 * divergence, rtol=1e-4, atol=0)
    assert terms["noise_std"].item() == pytest.approx(STD)


def test_with_the_noises_variance_it_is_sure_and_a_constant() -> None:
    net, batch = nn.Conv2d(2, 2, 3, padding=1), noisy_batch()
    found = new_unsure().loss(net, batch, random_generator())
    expected = SURE(STD, 0.01).loss(net, batch, random_generator()) + 240 * STD**2
    torch.testing.assert_close(found, expected)


def test_the_ascent_is_gradient_ascent_with_momentum() -> None:
    objective = new_unsure(step_size=0.1, momentum=0.6)
    std, velocity = STD, 0.0
    for divergence in (0.3, -0.1, 0.2):
        root = torch.tensor(std, requires_grad=True)
        (gradient,) = torch.autograd.grad(2 * root**2 * divergence, root)
        velocity = 0.6 * velocity + 0.4 * gradient.item()
        std += 0.1 * velocity
        objective.ascend(torch.tensor(divergence))
        assert objective.multiplier.std.item() == pytest.approx(std)
    assert new_unsure().multiplier.std == STD  # each objective has its own


def test_loss_and_gradient_agree_with_deepinv() -> None:
    """deepinv 0.5 takes eta itself up, along the gradient alone."""
    deepinv = pytest.importorskip("deepinv", reason="the extra deepinv is not installed")
    net, batch, step = nn.Conv2d(2, 2, 3, padding=1), noisy_batch(), 0.01
    theirs = deepinv.loss.SureGaussianLoss(
        STD, tau=0.01, unsure=True, step_size=step, rng=random_generator()
    )
    ours = new_unsure(step_size=step, momentum=0.0)
    physics = deepinv.physics.Denoising(deepinv.physics.GaussianNoise(STD))
    model = Ignoring(net)
    expected = theirs(y=batch.noisy, x_net=net(batch.noisy), physics=physics, model=model)
    terms = ours.terms(net, batch, random_generator())
    # It subtracts eta, which does not depend on the network.
    whole = 240 * (expected.mean().item() + STD**2)
    assert terms["loss"].item() == pytest.approx(whole, rel=1e-4)
    ours.ascend(terms["divergence"])
    along_eta = (theirs.sigma2.item() - STD**2) / step
    along_std = (ours.multiplier.std.item() - STD) / step
    assert along_std == pytest.approx(2 * STD * along_eta, rel=1e-3)


class Ignoring(nn.Module):
    """A model as deepinv calls it, with the physics as another argument."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, noisy: Tensor, physics: Any) -> Tensor:
        return self.net(noisy)


def test_hidden_pixels_choose_the_epoch() -> None:
    assert new_unsure().choosing() == Noise2Self(width=4)


# In training


def test_the_multiplier_comes_near_the_noises_variance(tmp_path: Path) -> None:
    """On a picture that is easily told from noise, from half of its standard deviation."""
    std, slope = 0.2, np.linspace(0.2, 0.8, 96)
    noisy = slope + std * np.random.default_rng(0).standard_normal((96, 96))
    tifffile.imwrite(tmp_path / "one.tif", noisy.astype(np.float32))
    small = ("data.crop=16", "data.train_size=800", "data.val_size=16", "model.channels=[8,16]")
    chosen = (
        "objective=unsure",
        "data.range=[0.0,1.0]",
        "data.even=false",
    )
    preset = ("experiment=noisy_pictures", f"data.root={tmp_path / 'one.tif'}", *CPU)
    cfg = compose("train", *preset, *small, *chosen, "model.blocks=[1,1]", "trainer.max_epochs=4")
    run = Run(tmp_path / "run", train.train(cfg, tmp_path / "run"))
    # From above, the nearer the better the network has become; it began at half.
    assert std < multiplier_in(run)["std"] < 1.2 * std
    assert std < run.history[-1]["train/noise_std"] < 1.2 * std
    assert run.history[-1]["train/divergence"] == pytest.approx(0, abs=0.1)
    assert run.metrics["monitor"] == "val/noise2self_loss"


CHOSEN = (
    "objective=unsure",
    "noise.clip=false",
    "model=unet",
    "model.channels=[4,8]",
    "data.batch_size=32",
    OPEN,
)


def multiplier_in(run: Run) -> dict[str, float]:
    state: dict[str, float] = read(run.last)["callbacks"]["UNSURE"]
    return state


def test_a_resumed_run_goes_on_with_its_multiplier_bit_for_bit(tmp_path: Path) -> None:
    chosen = (*CHOSEN, "trainer.logger=true", "trainer.max_epochs=2")
    whole = trained(*chosen)
    first = train_in(tmp_path / "first", *chosen[:-1], "trainer.max_epochs=1")
    resumed = resume_in(tmp_path / "resumed", first.last, "trainer.max_epochs=2")
    assert untimed(resumed.history) == untimed(whole.history)
    for entry in ("state_dict", "optimizer_states"):
        assert same(read(resumed.last)[entry], read(whole.last)[entry])
    assert multiplier_in(resumed) == multiplier_in(whole) != multiplier_in(first)
    # History and TensorBoard show what the mean was in an epoch, which began with 0.1.
    shown = [row["train/noise_std"] for row in whole.history]
    assert 0.1 < shown[0] < multiplier_in(first)["std"] < shown[1] < multiplier_in(whole)["std"]
    assert [value for _, value in curves(whole.directory)["train/noise_std"]] == pytest.approx(
        shown
    )


@pytest.mark.parametrize("value", [math.nan, 1e300, 3])
def test_a_multiplier_that_no_training_has_written_is_refused(value: float, tmp_path: Path) -> None:
    contents = read(trained(*CHOSEN, "trainer.logger=true", "trainer.max_epochs=2").last)
    contents["callbacks"]["UNSURE"]["std"] = value
    torch.save(contents, tmp_path / "odd.ckpt")
    with pytest.raises(ValueError, match=r"cannot be resumed: its multiplier is not a number"):
        resume_in(tmp_path / "run", tmp_path / "odd.ckpt", "trainer.max_epochs=9")


def test_a_checkpoint_without_a_multiplier_is_refused(tmp_path: Path) -> None:
    contents = read(trained(*CHOSEN, "trainer.logger=true", "trainer.max_epochs=2").last)
    del contents["callbacks"]["UNSURE"]
    torch.save(contents, tmp_path / "odd.ckpt")
    with pytest.raises(ValueError, match=r"odd.ckpt cannot be resumed: it lacks UNSURE's"):
        resume_in(tmp_path / "run", tmp_path / "odd.ckpt", "trainer.max_epochs=9")
