"""What an evaluation says of a VAE's latents and of its uncertainty."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from matplotlib.image import imread
from torch.distributions import Bernoulli, Normal, kl_divergence

from denoisers.metrics import psnr
from denoisers.vae import VAE, ActiveUnits, kl_by_latent
from denoisers.vae import kl_divergence as summed_kl
from evaluation.vae import active_latents, coverage, panel, predict
from groundwork.seeding import generator
from tests.helpers.models import new_data, new_model, random_batch


def new_vae(**settings: Any) -> VAE:
    torch.manual_seed(0)
    model = new_model("vae", **settings).eval()
    assert isinstance(model, VAE)
    return model


@torch.no_grad()
def give_log_variance(model: VAE, value: float) -> None:
    """Give every latent of every image the same log-variance."""
    last = model.encoder[-1]
    assert isinstance(last, torch.nn.Linear)
    last.weight[model.latent_dim :] = 0
    last.bias[model.latent_dim :] = value


def test_kl_of_each_latent_is_that_of_normal_distributions() -> None:
    random = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(2, 5, 3, generator=random)
    expected = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0))
    found = kl_by_latent(mean, log_variance)
    assert torch.allclose(found, expected, atol=1e-6)
    assert torch.allclose(found.sum(1), summed_kl(mean, log_variance), atol=1e-6)


def test_active_latents_are_those_that_the_models_metric_counts() -> None:
    std = torch.tensor([0.0, 0.05, 0.09, 0.11, 0.2, 3.0])  # active above 0.1
    means = std * torch.randn(1_000, 6, generator=torch.Generator().manual_seed(0)) + 2
    metric = ActiveUnits(6)
    metric.update(means)
    assert active_latents(means).tolist() == [False] * 3 + [True] * 3
    assert active_latents(means).sum() == metric.compute()


@torch.no_grad()
def test_draws_from_a_narrow_posterior_are_the_restored_image() -> None:
    model, noisy = new_vae(), random_batch(3).noisy
    give_log_variance(model, -100)  # which is cut to exp(-6) of a standard deviation
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
    give_log_variance(model, -2)
    found = predict(model, noisy, torch.Generator().manual_seed(0))
    mean = model.encode(noisy)
    random = torch.Generator().manual_seed(1)
    latents = mean + math.exp(-1) * torch.randn(4_000, *mean.shape, generator=random)
    draws = model.decode(latents.flatten(0, 1)).unflatten(0, (-1, len(noisy)))
    assert found.spread.mean().item() == pytest.approx(draws.std(0).mean().item(), rel=0.1)
    assert torch.allclose(found.std, (found.spread.square() + 0.5).sqrt())
    assert (found.average - draws.mean(0)).abs().mean() < found.spread.mean() / 2


@torch.no_grad()
def test_the_likelihoods_own_deviation_is_a_part_of_the_predicted_one() -> None:
    noisy, random = random_batch(2).noisy, torch.Generator().manual_seed(0)
    found = predict(new_vae(likelihood="bernoulli"), noisy, random)
    # A mixture of Bernoulli variables is one itself, with the mean of the mixture.
    expected = Bernoulli(found.average).stddev
    assert torch.allclose(found.std, expected, atol=1e-4)
    model = new_vae(likelihood="learned")
    for log_variance, std in ((-2.0, math.exp(-1)), (1e4, math.exp(6))):  # which is cut to 12
        model.log_variance.fill_(log_variance)
        found = predict(model, noisy, random)
        expected = torch.full_like(found.std, std).hypot(found.spread)
        assert torch.allclose(found.std, expected)


def test_coverage_of_a_calibrated_prediction_is_nominal() -> None:
    random = torch.Generator().manual_seed(0)
    std = torch.rand(200_000, generator=random) + 0.1
    found = coverage(std * torch.randn(std.shape, generator=random), std)
    assert found == pytest.approx({"coverage_68": 0.683, "coverage_95": 0.95}, abs=0.004)
    assert coverage(std, 0 * std) == {"coverage_68": 0.0, "coverage_95": 0.0}


@torch.no_grad()
def test_a_panel_has_pictures_and_the_same_numbers_twice(tmp_path: Path) -> None:
    data, model = new_data(batch_size=4), new_vae()
    index = torch.arange(20)
    batch = data.eval_batch("test", index)
    found = panel(model, data, index, tmp_path)
    mean, log_variance = model.posterior(batch.noisy)
    whole = predict(model, batch.noisy, generator("cpu", "vae panel"))
    kl = model.loss_of(batch, torch.Generator().manual_seed(0)).terms["kl"]
    assert found["active_units"] == (mean.var(0, correction=0) > 0.01).sum()
    expected = kl_by_latent(mean, log_variance).mean(0)
    assert torch.tensor(found["kl_by_latent"]).allclose(expected, atol=1e-5)
    assert sum(found["kl_by_latent"]) == pytest.approx(kl.item(), rel=1e-4)
    images = {"mean": model(batch.noisy), "average": whole.average, "single": whole.single}
    for name, restored in images.items():
        expected = psnr(restored, batch.clean).mean()
        assert found["psnr"][name] == pytest.approx(expected.item(), abs=1e-4)
    error = whole.average - batch.clean
    for name, values in (("rms_error", error), ("rms_std", whole.std)):
        assert found[name] == pytest.approx(values.square().mean().sqrt().item(), rel=1e-4)
    inside = {name: found[name] for name in ("coverage_68", "coverage_95")}
    assert inside == pytest.approx(coverage(error, whole.std), abs=1e-3)
    for name in ("uncertainty", "latents", "calibration", "samples", "interpolation"):
        assert imread(tmp_path / f"vae_{name}.png").std() > 0.05
    other = panel(model, new_data(batch_size=12), index, tmp_path)
    assert other["psnr"] == pytest.approx(found["psnr"], abs=1e-4)
    assert panel(model, data, index, tmp_path) == found
