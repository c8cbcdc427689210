"""Objectives against theory, and against another implementation."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve
from torch import Tensor, nn

from denoisers.denoiser import PixelDenoiser
from denoisers.objectives import (
    R2R,
    SURE,
    Neighbor2Neighbor,
    Noise2Noise,
    Noise2Self,
    mean_of_neighbours,
    pick,
    standard_normal_like,
)
from denoisers.training_objective import TrainingObjective, Unsupervised
from groundwork.batch import Batch
from tests.helpers.models import new_model, random_batch
from tests.helpers.objectives import CLEAN_FREE, STD, gaussian_batch, random_generator


def name_of(objective: Any) -> str:
    return type(objective).__name__ if isinstance(objective, TrainingObjective) else str(objective)


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
