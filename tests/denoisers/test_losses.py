"""Pixel losses against plain formulas."""

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli

from denoisers.losses import PixelLossName, pixel_loss
from tests.helpers.losses import NAMES, example, formula


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_is_the_formula(name: PixelLossName) -> None:
    logits, clean = example()
    loss, restored = pixel_loss(name, logits, clean)
    assert loss.item() == pytest.approx(formula(name, logits, clean), rel=1e-5)
    np.testing.assert_allclose(restored.numpy(), 1 / (1 + np.exp(-logits.numpy())), rtol=1e-5)


def test_bce_is_the_likelihood_of_bernoulli_pixels() -> None:
    logits, clean = example()
    likelihood = Bernoulli(logits=logits, validate_args=False).log_prob(clean)
    loss, _ = pixel_loss("bce", logits, clean)
    assert loss.item() == pytest.approx(-likelihood.flatten(1).sum(1).mean().item(), rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_two_copies_of_an_image_have_the_loss_of_one(name: PixelLossName) -> None:
    logits, clean = example(1)
    one, _ = pixel_loss(name, logits, clean)
    two, _ = pixel_loss(name, logits.repeat(2, 1, 1, 1), clean.repeat(2, 1, 1, 1))
    assert two.item() == pytest.approx(one.item(), rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_saturated_logits_have_a_finite_loss_and_gradient(name: PixelLossName) -> None:
    logits = torch.tensor([-500.0, 500.0, -500.0, 500.0]).view(1, 1, 2, 2).requires_grad_()
    clean = torch.tensor([0.0, 1.0, 1.0, 0.0]).view(1, 1, 2, 2)
    loss, _ = pixel_loss(name, logits, clean)
    loss.backward()
    assert logits.grad is not None
    expected = {"mse": 2, "l1": 2, "psnr": 10 * np.log10(0.5 + 1e-5), "bce": 1000}
    assert loss.item() == pytest.approx(expected[name], rel=1e-6)
    assert logits.grad.isfinite().all()
