"""Objectives: against theory, against another implementation, and in training."""

import itertools
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf
from scipy.ndimage import convolve
from torch import Tensor, nn

from cli.config import build
from datamodules.images import ImageDataModule
from datamodules.noise import Dropout, Gaussian
from datamodules.sampling import Draw
from denoisers.denoiser import PixelDenoiser
from denoisers.metrics import psnr
from denoisers.noise2void import Noise2Void
from denoisers.objectives import (
    R2R,
    SURE,
    Neighbor2Neighbor,
    Noise2Noise,
    Noise2Self,
    Supervised,
    mean_of_neighbours,
    pick,
    standard_normal_like,
)
from denoisers.structn2v import StructN2V
from denoisers.training_objective import TrainingObjective, Unsupervised
from denoisers.unsure import UNSURE
from denoisers.zero_shot import ZeroShot
from groundwork.batch import Batch
from tests.helpers.lines import line_for
from tests.helpers.models import SINGLE, narrow_model, new_data, new_model, random_batch
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

STD = 0.5
CLEAN_FREE: list[Unsupervised] = [
    Noise2Noise(),
    Noise2Self(width=4),
    Neighbor2Neighbor(gamma=2.0),
    SURE(sigma=STD, epsilon=0.01),
    R2R(sigma=STD, alpha=0.5),
    StructN2V(width=4, reach=[0, 1]),
    Noise2Void(width=4, radius=5),
    ZeroShot(consistency=1.0),
    UNSURE(epsilon=0.01, start=0.1, step_size=0.01, momentum=0.9),
]
OBJECTIVES: list[TrainingObjective] = [Supervised(), *CLEAN_FREE]
DETERMINISTIC = ("supervised", "noise2noise", "zero_shot")
CONFIGS = sorted(file.stem for file in (ROOT / "conf" / "objective").glob("*.yaml"))


def name_of(objective: Any) -> str:
    return type(objective).__name__ if isinstance(objective, TrainingObjective) else str(objective)


def random_generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gaussian_batch(size: int, shape: tuple[int, int, int] = (1, 4, 4)) -> Batch:
    """Return one uniform random image `size` times, each under two draws of noise of std 0.5."""
    random = random_generator()
    clean = torch.rand(1, *shape, generator=random).expand(size, -1, -1, -1)
    noisy, second = (clean + STD * torch.randn(clean.shape, generator=random) for _ in range(2))
    return Batch(noisy, clean, torch.full((size,), -1), second)


class Linear:
    """f(y) = A y, with a fixed random matrix A."""

    def __init__(self, values: int) -> None:
        random = random_generator(1)
        self.matrix = torch.randn(values, values, generator=random) / values**0.5

    def __call__(self, noisy: Tensor) -> Tensor:
        return (noisy.flatten(1) @ self.matrix.T).view_as(noisy)

    def error(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """Return |f(y) - x|^2 of each image."""
        return (self(noisy) - clean).square().sum((1, 2, 3))


# Against their theory


@pytest.mark.parametrize("objective", CLEAN_FREE, ids=name_of)
def test_no_objective_but_the_supervised_looks_at_clean_images(objective: Unsupervised) -> None:
    batch = gaussian_batch(4)
    poisoned = batch._replace(clean=torch.full_like(batch.clean, math.nan))
    net = Linear(16)
    if objective.needs_fully_convolutional:
        net = nn.Conv2d(1, 1, 3, padding=1)  # type: ignore[assignment]
    first, second = (objective.loss(net, each, random_generator()) for each in (batch, poisoned))
    assert torch.equal(first, second)
    assert first.isfinite()


def test_noise2noise_is_the_squared_error_and_the_variance_of_the_noise() -> None:
    batch, net = gaussian_batch(100_000), Linear(16)
    found = Noise2Noise().loss(net, batch, random_generator()).item()
    expected = net.error(batch.noisy, batch.clean).mean().item() + 16 * STD**2
    assert found == pytest.approx(expected, rel=0.01)


def test_sure_is_the_squared_error_in_expectation() -> None:
    batch, net = gaussian_batch(400_000), Linear(16)
    error = net.error(batch.noisy, batch.clean).mean().item()
    found = SURE(STD, epsilon=0.01).loss(net, batch, random_generator()).item()
    assert found == pytest.approx(error, rel=0.01)


def test_the_divergence_of_sure_is_a_linear_maps_trace() -> None:
    batch, net = gaussian_batch(400_000), Linear(16)
    with_noise, without = (
        SURE(sigma, epsilon=0.01).loss(net, batch, random_generator()).item() for sigma in (1.0, 0)
    )
    divergence = (with_noise - without + 16) / 2
    assert divergence == pytest.approx(net.matrix.trace().item(), abs=0.05)


def test_sure_keeps_full_precision_under_mixed_precision() -> None:
    net, batch = nn.Conv2d(1, 1, 3, padding=1), random_batch(4)
    losses = []
    for mixed in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            losses.append(SURE(STD, epsilon=0.01).loss(net, batch, random_generator()).item())
    assert losses[0] == losses[1]


@pytest.mark.parametrize("alpha", [0.5, 2.0])
def test_the_noise_of_r2rs_views_is_independent(alpha: float) -> None:
    batch = gaussian_batch(100_000)
    views = R2R(STD, alpha).views(
        batch.noisy, standard_normal_like(batch.noisy, random_generator())
    )
    first, second = (view - batch.clean for view in views)
    assert first.mean().item() == pytest.approx(0, abs=0.005)
    assert second.mean().item() == pytest.approx(0, abs=0.005)
    assert first.var().item() == pytest.approx(STD**2 * (1 + alpha**2), rel=0.01)
    assert second.var().item() == pytest.approx(STD**2 * (1 + alpha**-2), rel=0.01)
    correlation = (first * second).mean() / (first.std() * second.std())
    assert correlation.item() == pytest.approx(0, abs=0.005)


def test_r2r_is_the_squared_error_on_a_noisier_image_and_a_constant() -> None:
    batch, net, objective = gaussian_batch(100_000), Linear(16), R2R(STD, alpha=0.5)
    noisier, _ = objective.views(batch.noisy, standard_normal_like(batch.noisy, random_generator()))
    found = objective.loss(net, batch, random_generator()).item()
    expected = net.error(noisier, batch.clean).mean().item() + 16 * STD**2 * (1 + 0.5**-2)
    assert found == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("shape", [(1, 12, 8), (3, 9, 11)])
@pytest.mark.parametrize("width", [2, 4])
def test_noise2self_hides_one_pixel_in_each_cell(width: int, shape: tuple[int, int, int]) -> None:
    images = torch.zeros(3000, *shape)
    hidden = Noise2Self(width).counted(images, random_generator())
    assert hidden.shape == (3000, 1, *shape[1:])
    rows, columns = (shape[1] // width * width, shape[2] // width * width)
    cells = nn.functional.avg_pool2d(hidden[..., :rows, :columns].float(), width) * width**2
    assert torch.equal(cells, torch.ones_like(cells))
    share = hidden.float().mean(0)  # each image has a grid of its own
    torch.testing.assert_close(share, torch.full_like(share, width**-2), atol=0.04, rtol=0)


def test_noise2self_replaces_by_the_mean_of_the_neighbours() -> None:
    images = random_batch(2, (3, 7, 9)).noisy
    kernel = np.array([[1, 2, 1], [2, 0, 2], [1, 2, 1]])
    found = mean_of_neighbours(images)
    for image, mean in zip(images.flatten(0, 1), found.flatten(0, 1), strict=True):
        total = convolve(image.numpy().astype(float), kernel, mode="constant")
        weight = convolve(np.ones(image.shape), kernel, mode="constant")
        np.testing.assert_allclose(mean.numpy(), total / weight, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["unet", "dense"])
def test_what_noise2self_restores_does_not_depend_on_what_it_hides(name: str) -> None:
    model, objective = new_model(name, (1, 12, 12)).train(), Noise2Self(width=4)
    assert isinstance(model, PixelDenoiser)
    noisy = random_batch(3, (1, 12, 12)).noisy.requires_grad_()
    hidden = objective.counted(noisy, random_generator())
    seen = []

    def net(images: Tensor) -> Tensor:
        seen.append(model.estimate(images))
        return seen[0]

    objective.loss(net, Batch(noisy, noisy, torch.zeros(3)), random_generator())
    (gradient,) = torch.autograd.grad((seen[0] * hidden).sum(), noisy)
    assert not gradient[hidden].any()
    assert gradient[~hidden].any()


def test_noise2self_judges_hidden_pixels_alone_and_counts_them_as_all() -> None:
    objective, batch = Noise2Self(width=4), gaussian_batch(64_000, (1, 8, 8))
    hidden = objective.counted(batch.noisy, random_generator())
    restored = torch.full_like(batch.noisy, 0.3)
    found = objective.loss(lambda _: restored, batch, random_generator())
    elsewhere = torch.where(hidden, restored, 99.0)
    assert objective.loss(lambda _: elsewhere, batch, random_generator()) == found
    expected = (0.3 - batch.noisy).square().sum((1, 2, 3)).mean().item()
    assert found.item() == pytest.approx(expected, rel=0.01)


def test_neighbours_are_side_by_side_in_their_cell_and_all_pairs_are_as_likely() -> None:
    first, second = Neighbor2Neighbor(2.0).places(torch.zeros(500, 3, 9, 8), random_generator())
    assert first.shape == second.shape == (500, 1, 4, 4)
    (row, column), (row2, column2) = (divmod(place.numpy(), 2) for place in (first, second))
    assert (abs(row - row2) + abs(column - column2) == 1).all()
    counts = (4 * first + second).flatten().bincount(minlength=16)
    pairs = counts[counts > 0] / counts.sum()
    assert len(pairs) == 8
    torch.testing.assert_close(pairs, torch.full((8,), 1 / 8), atol=0.02, rtol=0)
    assert (first[0] != first[1]).any()


def test_a_sub_image_takes_the_pixel_that_is_named_in_each_cell() -> None:
    images = random_batch(2, (3, 6, 8)).noisy
    places = torch.randint(4, (2, 1, 3, 4), generator=random_generator())
    found = pick(images, places)
    for b, c, i, j in itertools.product(range(2), range(3), range(3), range(4)):
        row, column = divmod(int(places[b, 0, i, j]), 2)
        assert found[b, c, i, j] == images[b, c, 2 * i + row, 2 * j + column]


def neighbour_formula(objective: Neighbor2Neighbor, net: Any, noisy: Tensor) -> float:
    """Equation 8 as a mean over the sub-image's pixels, times the number of an image's pixels."""
    first, second = objective.places(noisy, random_generator())
    restored, target = net(pick(noisy, first)), pick(noisy, second)
    whole = net(noisy)
    difference = pick(whole, first) - pick(whole, second)
    error = (restored - target).square().mean()
    regulariser = (restored - target - difference).square().mean()
    return float(noisy[0].numel() * (error + objective.gamma * regulariser))


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_neighbor2neighbor_is_its_formula_on_the_even_part(gamma: float) -> None:
    objective, net = Neighbor2Neighbor(gamma), nn.Conv2d(3, 3, 3, padding=1)
    noisy = random_batch(2, (3, 9, 7)).noisy
    found = objective.loss(net, Batch(noisy, noisy, torch.zeros(2)), random_generator()).item()
    with torch.no_grad():
        expected = neighbour_formula(objective, net, noisy[..., :8, :6])
    assert found == pytest.approx(expected, rel=1e-5)


def test_no_gradient_goes_through_neighbor2neighbors_whole_image() -> None:
    scale = torch.ones((), requires_grad=True)
    sizes = []

    def net(images: Tensor) -> Tensor:
        sizes.append((images.shape[-1], torch.is_grad_enabled()))
        return scale * images

    noisy = random_batch(2, (1, 8, 8)).noisy
    Neighbor2Neighbor(2.0).loss(net, Batch(noisy, noisy, torch.zeros(2)), random_generator())
    assert sizes == [(4, True), (8, False)]


# Against deepinv, whose losses are means over pixels


def test_sure_agrees_with_deepinv() -> None:
    deepinv = pytest.importorskip("deepinv", reason="the extra deepinv is not installed")
    net, batch = nn.Conv2d(1, 1, 3, padding=1), gaussian_batch(6, (1, 10, 12))
    theirs = deepinv.loss.SureGaussianLoss(sigma=STD, tau=0.01, rng=random_generator())
    physics = deepinv.physics.Denoising(deepinv.physics.GaussianNoise(STD))
    model = _Ignoring(net)
    expected = theirs(y=batch.noisy, x_net=net(batch.noisy), physics=physics, model=model)
    found = SURE(STD, epsilon=0.01).loss(net, batch, random_generator())
    assert found.item() == pytest.approx(120 * expected.mean().item(), rel=1e-4)


def test_r2r_agrees_with_deepinv() -> None:
    deepinv = pytest.importorskip("deepinv", reason="the extra deepinv is not installed")
    net, batch = nn.Conv2d(1, 1, 3, padding=1), gaussian_batch(6, (1, 10, 12))
    alpha, objective = 0.7, R2R(STD, alpha=0.7)
    noisier, _ = objective.views(batch.noisy, standard_normal_like(batch.noisy, random_generator()))
    # Our alpha is sqrt(theirs / (1 - theirs)).
    theirs = deepinv.loss.R2RLoss(alpha=alpha**2 / (1 + alpha**2))
    physics = deepinv.physics.Denoising(deepinv.physics.GaussianNoise(STD))
    model = theirs.adapt_model(_Ignoring(net))
    model.corruption = noisier
    expected = theirs(x_net=net(noisier), y=batch.noisy, physics=physics, model=model)
    found = objective.loss(net, batch, random_generator())
    assert found.item() == pytest.approx(120 * expected.item(), rel=1e-4)


def test_neighbor2neighbor_agrees_with_deepinv() -> None:
    deepinv = pytest.importorskip("deepinv", reason="the extra deepinv is not installed")
    net, noisy = nn.Conv2d(3, 3, 3, padding=1), random_batch(5, (3, 10, 12)).noisy
    objective = Neighbor2Neighbor(gamma=2.0)
    masks = [
        nn.functional.one_hot(places.flatten(), 4).bool().flatten()
        for places in objective.places(noisy, random_generator())
    ]

    theirs = deepinv.loss.Neighbor2Neighbor(gamma=2.0)
    theirs.generate_mask_pair = lambda noisy: masks  # deepinv's takes no generator
    expected = theirs(noisy, physics=None, model=_Ignoring(net))
    found = objective.loss(net, Batch(noisy, noisy, torch.zeros(5)), random_generator())
    assert found.item() == pytest.approx(360 * expected.item(), rel=1e-4)


class _Ignoring(nn.Module):
    """A model as deepinv calls it, with the physics as another argument."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, noisy: Tensor, physics: Any) -> Tensor:
        return self.net(noisy)


# The second view


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
    """The class of an objective in conf/objective/, without its settings."""
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
