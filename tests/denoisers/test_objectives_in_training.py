"""Objectives in training: what they teach, what they draw, and what they refuse."""

from functools import cache
from pathlib import Path

import pytest
import torch
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf

from cli.config import build
from datamodules.images import ImageDataModule
from datamodules.noise import Dropout, Gaussian
from datamodules.sampling import Draw
from denoisers.denoiser import PixelDenoiser
from denoisers.metrics import psnr
from denoisers.objectives import Supervised
from denoisers.training_objective import TrainingObjective
from denoisers.unsure import UNSURE
from groundwork.batch import Batch
from tests.helpers.lines import line_for
from tests.helpers.models import SINGLE, narrow_model, new_data, new_model
from tests.helpers.objectives import CLEAN_FREE, STD, gaussian_batch, random_generator
from tests.helpers.runs import (
    OPEN,
    ROOT,
    compose,
    read,
    resume_in,
    same,
    train_in,
    trained,
    untimed,
)
from training.set_objective import set_objective

OBJECTIVES: list[TrainingObjective] = [Supervised(), *CLEAN_FREE]
DETERMINISTIC = ("supervised", "noise2noise", "zero_shot")
CONFIGS = sorted(file.stem for file in (ROOT / "conf" / "objective").glob("*.yaml"))


def train_batch(data: ImageDataModule, step: int = 0) -> Batch:
    return data.on_after_batch_transfer(Draw("train", 0, step, torch.arange(50)), 0)


def test_the_second_view_is_another_draw_of_the_same_noise_and_there_when_asked_for() -> None:
    data = new_data(Gaussian(STD, clip=False))
    without = train_batch(data)
    assert without.second is None
    data.second_view = True
    batch = train_batch(data)
    assert torch.equal(batch.noisy, without.noisy)
    assert batch.second is not None
    first, second = batch.noisy - batch.clean, batch.second - batch.clean
    assert second.std().item() == pytest.approx(STD, rel=0.02)
    assert (first * second).mean().item() / STD**2 == pytest.approx(0, abs=0.02)
    again, next_step = train_batch(data).second, train_batch(data, step=1).second
    assert again is not None
    assert torch.equal(again, batch.second)
    assert next_step is not None
    assert not torch.equal(next_step, batch.second)
    assert data.eval_batch("val", torch.arange(4)).second is None


# In training


@cache
def unclipped_data() -> ImageDataModule:
    return new_data(Gaussian(STD, clip=False), train_size=240, val_size=32, batch_size=16)


@cache
def objective_node(name: str) -> DictConfig:
    overrides: tuple[str, ...] = ()
    if name == "structn2v":  # by default it needs noisy pictures, which tell the reach
        overrides = ("objective.reach=[0,1]",)
    if name == "unsure":  # from further away it needs more steps than these tests have
        overrides = ("objective.start=0.3",)
    node: DictConfig = compose("train", f"objective={name}", *overrides).objective
    return node


@cache
def target_of(name: str) -> str:
    """Return the class of an objective in conf/objective/, without its settings."""
    node = OmegaConf.load(ROOT / "conf" / "objective" / f"{name}.yaml")
    assert isinstance(node, DictConfig)
    return str(node["_target_"])


def restored_psnr(model: PixelDenoiser) -> float:
    batch = unclipped_data().eval_batch("val", torch.arange(32))
    with torch.no_grad():
        return psnr(model.eval()(batch.noisy), batch.clean).mean().item()


def train_steps(objective: str, steps: int) -> PixelDenoiser:
    torch.manual_seed(0)
    model = new_model("unet", channels=[8, 16], optimizer={"lr": 0.01})
    assert isinstance(model, PixelDenoiser)
    data = unclipped_data()
    minimised = set_objective(objective_node(objective), model, data)
    optimizer = model.train().configure_optimizers()["optimizer"]
    for step in range(steps):
        positions = torch.arange(16) + 16 * (step % 15)
        batch = data.on_after_batch_transfer(Draw("train", 0, step, positions), 0)
        terms = model.training_loss_of(batch, random_generator(step)).terms
        optimizer.zero_grad()
        terms["loss"].backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if isinstance(minimised, UNSURE):
            minimised.ascend(terms["divergence"])
    return model


@pytest.mark.parametrize("objective", CONFIGS)
def test_each_objective_teaches_a_small_network_to_denoise(objective: str) -> None:
    batch = unclipped_data().eval_batch("val", torch.arange(32))
    mean = batch.noisy.mean((2, 3), keepdim=True).expand_as(batch.clean)
    flat = psnr(mean, batch.clean).mean().item()
    cut = psnr(batch.noisy.clamp(0, 1), batch.clean).mean().item()
    assert restored_psnr(train_steps(objective, 75)) > max(flat, cut) + 2


@pytest.mark.parametrize("objective", CONFIGS)
def test_training_alone_is_changed_and_its_draws_come_from_the_generator(objective: str) -> None:
    model, batch = new_model("unet", channels=[4, 8]), gaussian_batch(4, (1, 28, 28))
    own = model.eval().loss_of(batch, random_generator()).terms["loss"]
    set_objective(objective_node(objective), model, unclipped_data())
    assert torch.equal(model.loss_of(batch, random_generator()).terms["loss"], own)
    model.train()

    def loss(seed: int) -> float:
        return model.training_loss_of(batch, random_generator(seed)).terms["loss"].item()

    torch.manual_seed(0)
    first = loss(0)
    torch.manual_seed(1)
    assert loss(0) == first
    assert (loss(1) == first) == (objective in DETERMINISTIC)


@pytest.mark.parametrize("objective", CONFIGS)
@pytest.mark.parametrize("name", [*SINGLE, "dense+classifier"])
def test_each_objective_trains_a_model_or_refuses_it_in_a_line(name: str, objective: str) -> None:
    model, data = narrow_model(name), unclipped_data()
    node = objective_node(objective)
    kind = get_object(node["_target_"])
    fits = objective == "supervised" or isinstance(model, PixelDenoiser)
    if objective in ("neighbor2neighbor", "zero_shot") and name == "dense":
        fits = False
    if not fits:
        assert line_for(lambda: set_objective(node, model, data)).startswith(
            f"objective: {kind.__name__} "
        )
        return
    set_objective(node, model, data)
    batch = data.on_after_batch_transfer(Draw("train", 0, 0, torch.arange(2)), 0)
    assert (batch.second is not None) == (objective == "noise2noise")
    model.train().training_loss_of(batch, random_generator()).terms["loss"].backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


UNCLIPPED = (
    *("model=unet", "model.channels=[4,8]", "model.loss=mse", OPEN, "noise.clip=false"),
    *("data.batch_size=16", "data.train_size=32", "data.val_size=16", "data.test_size=16"),
)


@pytest.mark.parametrize("objective", ["noise2noise", "r2r"])
def test_a_run_without_clean_images_goes_on_bit_for_bit(objective: str, tmp_path: Path) -> None:
    chosen = (*UNCLIPPED, f"objective={objective}", "trainer.max_epochs=2")
    whole = trained(*chosen)
    first = train_in(tmp_path / "first", *chosen[:-1], "trainer.max_epochs=1")
    resumed = resume_in(tmp_path / "resumed", first.last, "trainer.max_epochs=2")
    assert untimed(resumed.history) == untimed(whole.history)
    for entry in ("state_dict", "optimizer_states"):
        assert same(read(resumed.last)[entry], read(whole.last)[entry])
    target = get_object(objective_node(objective)["_target_"])
    assert read(resumed.last)["run"]["objective"]["_target_"].endswith(target.__name__)


def test_validation_logs_the_loss_on_clean_images_whatever_is_minimised() -> None:
    row = trained(*UNCLIPPED, "objective=r2r", "trainer.max_epochs=2").history[0]
    assert row["val/loss"] == pytest.approx(784 * row["val/mse"], rel=1e-4)
    # The target's noise alone: 784 * 0.25 * (1 + 4).
    assert row["train/loss"] > 784 * 0.25 * 5 > row["val/loss"]


# Refusals


@pytest.mark.parametrize("objective", CONFIGS)
def test_noise_that_a_theory_does_not_hold_for_is_refused(objective: str) -> None:
    model, node = narrow_model("unet"), objective_node(objective)
    clipped = unclipped_data().with_noise(Gaussian(STD, clip=True))
    # Its own file has no noise.std. The line must name the noise, not a sigma of None.
    alone = OmegaConf.load(ROOT / "conf" / "objective" / f"{objective}.yaml")
    assert isinstance(alone, DictConfig)
    biased = unclipped_data().with_noise(Dropout(0.3, clip=False))
    if objective == "supervised":
        set_objective(node, model, clipped)
        set_objective(alone, model, biased)
        return
    line = line_for(lambda: set_objective(node, model, clipped))
    assert "have the means 0.20, 0.50, 0.80: give noise.clip=false" in line
    line = line_for(lambda: set_objective(alone, model, biased))
    if objective in ("sure", "r2r", "unsure"):
        assert line.endswith("not for Dropout: choose noise=gaussian")
    else:
        assert "have the means 0.00, 0.35, 0.70" in line


@pytest.mark.parametrize("loss", ["l1", "bce"])
@pytest.mark.parametrize("objective", [name for name in CONFIGS if name != "supervised"])
def test_other_losses_than_the_squared_error_are_refused(objective: str, loss: str) -> None:
    model = new_model("conv_upsample", channels=[4, 8], loss=loss)
    line = line_for(lambda: set_objective(objective_node(objective), model, unclipped_data()))
    assert line.endswith(f"model.loss={loss} must be mse or psnr")


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("objective=none", "objective=none: there is no such choice"),
        ("objective=noise2self objective.width=1", "objective.width must be at least 2, got 1"),
        ("objective=noise2self objective.width=x", "objective.width=x"),
        ("objective=noise2void objective.radius=0", "objective.radius must be at least 1, got 0"),
        ("objective=neighbor2neighbor objective.gamma=-1", "objective.gamma must be"),
        ("objective=zero_shot objective.consistency=-1", "objective.consistency must be"),
        ("objective=zero_shot model=dense", "ZeroShot trains on images of half the size"),
        ("objective=unsure objective.start=0", "objective.start must be"),
        ("objective=unsure objective.momentum=1", "objective.momentum must be"),
        ("objective=unsure objective.multiplier=1", "objective.multiplier"),
        ("objective=sure objective.sigma=-1", "objective.sigma must be"),
        ("objective=sure objective.epsilon=0", "objective.epsilon must be"),
        ("objective=r2r objective.alpha=0", "objective.alpha must be"),
        ("objective=r2r objective.sigma=nan", "objective.sigma must be"),
        ("objective=r2r noise.clip=true", "objective: R2R needs noise of zero mean"),
        ("objective=r2r model=vae", "objective: R2R replaces a loss between pixels"),
    ],
)
def test_a_refused_objective_is_named_and_nothing_is_written(
    override: str, reason: str, tmp_path: Path
) -> None:
    chosen = ("model=unet", "noise.clip=false", *override.split())
    line = line_for(lambda: train_in(tmp_path / "run", *chosen))
    assert reason in line
    assert not (tmp_path / "run").exists()


def test_the_configs_are_the_objectives_that_are_tested_here() -> None:
    built = {type(build(objective_node(name), "objective")) for name in CONFIGS}
    assert built == set(map(type, OBJECTIVES))


NO_NOISE = {
    "gaussian": "noise.std=0",
    "blind": "noise.min_std=0,noise.max_std=0",
    "salt_and_pepper": "noise.probability=0",
    "dropout": "noise.probability=0",
    "poisson": "noise.peak=null",
    "speckle": "noise.std=0",
    "uniform": "noise.half_width=0",
    "mixed": "noise.strength=0",
    "poisson_gaussian": "noise.strength=0",
    "camera": "noise.strength=0",
}


@cache
def without_noise(kind: str) -> ImageDataModule:
    given = (f"noise={kind}", *NO_NOISE[kind].split(","), "noise.clip=false")
    cfg = compose("train", "data=procedural", *given)
    data: ImageDataModule = build(cfg.data, "data", noise=build(cfg.noise, "noise"))
    return data


@pytest.mark.parametrize("objective", [name for name in CONFIGS if name != "supervised"])
@pytest.mark.parametrize("kind", NO_NOISE)
def test_pictures_that_are_noisy_already_are_refused(kind: str, objective: str) -> None:
    node = OmegaConf.create({"_target_": target_of(objective)})
    with pytest.raises(ValueError, match=r"adds none: .* data=noisy_folder"):
        set_objective(node, narrow_model("unet"), without_noise(kind))


def test_a_mixture_of_parts_without_noise_is_none() -> None:
    parts = "noise.parts={a:{_target_:datamodules.noise.Gaussian,std:0.0,clip:false}}"
    cfg = compose("train", "data=procedural", "~noise.parts", "noise=mixed", f"+{parts}")
    data = build(cfg.data, "data", noise=build(cfg.noise, "noise"))
    with pytest.raises(ValueError, match="adds none"):
        set_objective(compose("train", "objective=noise2self").objective, new_model("unet"), data)


@pytest.mark.parametrize("kind", NO_NOISE)
def test_clean_images_may_be_learned_from_without_noise(kind: str) -> None:
    set_objective(objective_node("supervised"), narrow_model("dense"), without_noise(kind))
