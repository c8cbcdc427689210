"""Zero-shot Noise2Noise's loss, for any fully convolutional network."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from denoisers.zero_shot import ZeroShot, halves
from groundwork.batch import Batch

STD = 0.3


def random_generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def random_pictures(*shape: int) -> Tensor:
    return torch.rand(shape, generator=random_generator())


def noisy_batch(noisy: Tensor) -> Batch:
    return Batch(noisy, torch.full_like(noisy, torch.nan), torch.full((len(noisy),), -1))


def test_halves_are_the_means_of_both_diagonals() -> None:
    pictures = random_pictures(2, 3, 6, 8)
    rising, falling = (half.numpy() for half in halves(pictures))
    assert rising.shape == falling.shape == (2, 3, 3, 4)
    given = pictures.numpy()
    for row in range(3):
        for column in range(4):
            block = given[..., 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            expected = (block[..., 0, 1] + block[..., 1, 0]) / 2
            np.testing.assert_allclose(rising[..., row, column], expected, rtol=1e-6)
            expected = (block[..., 0, 0] + block[..., 1, 1]) / 2
            np.testing.assert_allclose(falling[..., row, column], expected, rtol=1e-6)


def test_the_loss_is_the_papers_on_the_even_part_times_the_values() -> None:
    net, noisy = nn.Conv2d(3, 3, 3, padding=1), random_pictures(2, 3, 9, 11)
    found = ZeroShot(consistency=0.7).loss(net, noisy_batch(noisy), random_generator())
    even = noisy[..., :8, :10]
    first, second = halves(even)
    with torch.no_grad():
        first_of_whole, second_of_whole = halves(net(even))
        residual = (net(first) - second).square().mean() + (net(second) - first).square().mean()
        consistency = (net(first) - first_of_whole).square().mean()
        consistency += (net(second) - second_of_whole).square().mean()
    expected = 240 * (residual + 0.7 * consistency) / 2
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


def test_it_is_the_squared_error_on_halves_and_the_variance_of_their_noise() -> None:
    """Exactly so in expectation for images that both halves show alike, such as flat ones."""
    clean = random_pictures(2000, 1, 1, 1).expand(-1, -1, 16, 16)
    noisy = clean + STD * torch.randn(clean.shape, generator=random_generator())
    net = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    found = ZeroShot(consistency=0.0).loss(net, noisy_batch(noisy), random_generator())
    errors = [(net(half) - clean[..., ::2, ::2]).square().mean() for half in halves(noisy)]
    expected = 256 * (sum(errors) / 2 + STD**2 / 2)
    assert found.item() == pytest.approx(float(expected), rel=0.01)


def test_consistency_which_follows_the_network_chooses_nothing() -> None:
    assert ZeroShot(consistency=1.0).choosing() == ZeroShot(consistency=0.0)
