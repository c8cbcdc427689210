"""What an evaluation says of a VAE's latents and of its uncertainty."""

from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import new_data, new_model, random_batch
from matplotlib.image import imread
from torch.distributions import Normal, kl_divergence

from denoisers.vae import VAE
from runs.vae_panel import coverage, kl_by_latent, panel, predict


def new_vae(**settings: Any) -> VAE:
    torch.manual_seed(0)
    model = new_model("vae", **settings).eval()
    assert isinstance(model, VAE)
    return model


def test_kl_of_each_latent_is_that_of_normal_distributions() -> None:
    random = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(2, 5, 3, generator=random)
    expected = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0))
    assert torch.allclose(kl_by_latent(mean, log_variance), expected, atol=1e-6)


@torch.no_grad()
def test_draws_from_a_narrow_posterior_are_the_restored_image() -> None:
    model, noisy = new_vae(), random_batch(3).noisy
    last = model.encoder[-1]
    assert isinstance(last, torch.nn.Linear)
    latents = model.latent_dim
    last.weight[latents:] = 0
    last.bias[latents:] = -100  # which is cut to exp(-6) of a standard deviation
    found = predict(model, noisy, torch.Generator().manual_seed(0))
    assert torch.allclose(found.restored, model(noisy))
    assert torch.allclose(found.average, found.restored, atol=2e-3)
    assert torch.allclose(found.single, found.restored, atol=5e-3)
    assert found.spread.max() < 5e-3
    # What is left is the likelihood's own, of variance 1 before the first step.
    assert torch.allclose(found.std, torch.ones_like(found.std), atol=1e-3)


@torch.no_grad()
def test_the_spread_is_over_latents_of_the_posterior() -> None:
    model, noisy = new_vae(likelihood="fixed"), random_batch(2).noisy
    found = predict(model, noisy, torch.Generator().manual_seed(0))
    mean, log_variance = model.posterior(noisy)
    random = torch.Generator().manual_seed(1)
    epsilon = torch.randn(4_000, *mean.shape, generator=random)
    latents = mean + (0.5 * log_variance).exp() * epsilon
    draws = model.decode(latents.flatten(0, 1)).unflatten(0, (-1, len(noisy)))
    assert found.spread.mean().item() == pytest.approx(draws.std(0).mean().item(), rel=0.1)
    assert torch.allclose(found.std, (found.spread.square() + 0.5).sqrt())
    assert (found.average - draws.mean(0)).abs().mean() < found.spread.mean() / 2


def test_coverage_of_a_calibrated_prediction_is_nominal() -> None:
    random = torch.Generator().manual_seed(0)
    std = torch.rand(200_000, generator=random) + 0.1
    found = coverage(std * torch.randn(std.shape, generator=random), std)
    assert found == pytest.approx({"coverage_68": 0.683, "coverage_95": 0.95}, abs=0.004)
    assert coverage(std, 0 * std) == {"coverage_68": 0.0, "coverage_95": 0.0}


def test_a_panel_has_pictures_and_the_same_numbers_twice(tmp_path: Path) -> None:
    data, model = new_data(batch_size=4), new_vae()
    index = torch.arange(20)
    found = panel(model, data, index, tmp_path)
    with torch.no_grad():
        means = model.encode(data.eval_batch("test", index).noisy)
    assert found["active_units"] == (means.var(0, correction=0) > 0.01).sum()
    with torch.no_grad():
        mean, log_variance = model.posterior(data.eval_batch("test", index).noisy)
    expected = kl_by_latent(mean, log_variance).mean(0)
    assert torch.tensor(found["kl_by_latent"]).allclose(expected, atol=1e-5)
    for name in ("uncertainty", "latents", "calibration", "samples", "interpolation"):
        assert imread(tmp_path / f"vae_{name}.png").std() > 0.05
    other = panel(model, new_data(batch_size=5), index, tmp_path)
    assert other["psnr"] == pytest.approx(found["psnr"], abs=1e-4)
    assert panel(model, data, index, tmp_path) == found
