"""The latents of a VAE: their draws, beta, collapse, extremes and samples."""

import math
import warnings

import numpy as np
import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from denoisers.vae import ActiveUnits, standard_normal
from tests.helpers.models import new_data, quiet_trainer, random_batch
from tests.helpers.vaes import LIKELIHOODS, logits_and_clean, new_generator, new_vae


def test_latents_are_drawn_from_the_posterior() -> None:
    """The reconstruction term over many draws has the mean that independent draws give it."""
    model, batch = new_vae(likelihood="fixed").eval(), random_batch(1)
    many = batch._replace(
        noisy=batch.noisy.repeat(4_000, 1, 1, 1), clean=batch.clean.repeat(4_000, 1, 1, 1)
    )
    with torch.no_grad():
        found = model.loss_of(many, new_generator()).terms["reconstruction"].item()
        mean, log_variance = model.posterior(many.noisy)
        latent = torch.normal(mean, (0.5 * log_variance).exp(), generator=new_generator(1))
        squares = (model.decode(latent) - many.clean).square().flatten(1).sum(1)
        at_the_mean = (model.decode(mean[:1]) - batch.clean).square().sum().item()
    error = squares.std().item() / math.sqrt(4_000)
    assert found == pytest.approx(squares.mean().item(), abs=6 * error)
    assert abs(at_the_mean - found) > 12 * error  # so the test tells draws from no draws


def test_the_draws_come_from_the_generator() -> None:
    model, batch = new_vae().eval(), random_batch(4)

    def reconstruction(seed: int) -> float:
        return model.loss_of(batch, new_generator(seed)).terms["reconstruction"].item()

    first = reconstruction(0)
    torch.manual_seed(9)
    assert reconstruction(0) == first
    assert reconstruction(1) != first


class Betas(Callback):
    """Computes the weight of the KL term in each epoch from the logged terms."""

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = {"train": [], "val": []}

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for stage, values in self.values.items():
            loss, reconstruction, kl = (
                trainer.callback_metrics[f"{stage}/{name}"].item()
                for name in ("loss", "reconstruction", "kl")
            )
            values.append((loss - reconstruction) / kl)


@pytest.mark.filterwarnings("ignore:.*the posterior has collapsed")
@pytest.mark.parametrize(
    ("warmup", "expected"),
    [(0, [1, 1, 1, 1]), (1, [1 / 2, 1, 1, 1]), (3, [1 / 4, 1 / 2, 3 / 4, 1])],
)
def test_beta_rises_linearly_during_the_warmup(warmup: int, expected: list[float]) -> None:
    betas, beta = Betas(), 100.0  # large, so that the difference of two losses is precise
    model = new_vae(likelihood="fixed", beta=beta, beta_warmup=warmup, optimizer={"lr": 1e-6})
    quiet_trainer(max_epochs=4, callbacks=[betas]).fit(model, new_data())
    assert betas.values["train"] == pytest.approx([beta * share for share in expected], rel=1e-3)
    assert betas.values["val"] == pytest.approx([beta] * 4, rel=1e-3)


def test_a_collapsed_posterior_is_reported() -> None:
    model = new_vae()
    last = model.encoder[-1]
    assert isinstance(last, torch.nn.Linear)
    with torch.no_grad():
        last.weight.zero_()
    with pytest.warns(UserWarning, match="the posterior has collapsed"):
        quiet_trainer().validate(model, new_data(), verbose=False)


class Varying(Callback):
    """Measures after each epoch how much the restored images differ: their pixels' mean std."""

    def __init__(self, noisy: Tensor) -> None:
        self.noisy = noisy
        self.spread: list[float] = []

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.spread.append(pl_module(self.noisy).std(0).mean().item())


@pytest.mark.parametrize(("beta", "collapses"), [(1_000.0, True), (1.0, False)])
def test_training_reports_a_collapse_once_an_epoch(beta: float, collapses: bool) -> None:
    model = new_vae(hidden=[64], latent_dim=8, beta=beta, optimizer={"lr": 0.005})
    data = new_data(train_size=512, val_size=64)
    varying = Varying(data.eval_batch("val", torch.arange(64)).noisy)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        quiet_trainer(max_epochs=6, callbacks=[varying]).fit(model, data)
    said = [str(one.message) for one in caught if "has collapsed" in str(one.message)]
    if collapses:  # in some epoch, and from then on
        first = 6 - len(said)
        assert [text.split(":")[0] for text in said] == [f"epoch {n}" for n in range(first, 6)]
        assert first < 5
        assert max(varying.spread[first:]) < 0.01  # every image is restored alike
    else:
        assert not said
        assert min(varying.spread) > 0.05


def test_a_single_image_is_no_collapse() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer = quiet_trainer()
        trainer.validate(new_vae(), new_data(val_size=1), verbose=False)
    assert trainer.callback_metrics["val/active_units"] == 0
    assert not [one for one in caught if "has collapsed" in str(one.message)]


@pytest.mark.filterwarnings("ignore:.*the posterior has collapsed")
@pytest.mark.parametrize("batch_size", [5, 7])
def test_evaluation_does_not_depend_on_the_batch_size(batch_size: int) -> None:
    model = new_vae(likelihood="optimal")
    quiet_trainer(max_epochs=1).fit(model, new_data())

    def validate(batch_size: int) -> dict[str, float]:
        trainer = quiet_trainer()
        trainer.validate(model, new_data(batch_size=batch_size), verbose=False)
        return {name: value.item() for name, value in trainer.callback_metrics.items()}

    whole = validate(20)
    assert {"val/loss", "val/reconstruction", "val/kl", "val/active_units"} <= set(whole)
    assert validate(batch_size) == pytest.approx(whole, rel=1e-5)


EXTREME = [-math.inf, -1e30, -1e4, 1e4, 1e30, math.inf]
DTYPES = [torch.float32, torch.bfloat16, torch.float16]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("value", EXTREME)
def test_extreme_log_variances_of_latents_stay_finite(
    likelihood: str, value: float, dtype: torch.dtype
) -> None:
    model, batch = new_vae(likelihood=likelihood, hidden=[32]).train(), random_batch(4)
    last = model.encoder[-1]
    assert isinstance(last, torch.nn.Linear)
    with torch.no_grad():
        last.bias[model.latent_dim :] = value
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        terms = model.loss_of(batch, new_generator()).terms
    terms["loss"].backward()
    assert all(term.isfinite() for term in terms.values())
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("value", EXTREME)
def test_extreme_log_variances_of_pixels_stay_finite(value: float, dtype: torch.dtype) -> None:
    model, (logits, clean) = new_vae(likelihood="learned", hidden=[32]), logits_and_clean()
    with torch.no_grad():
        model.log_variance.fill_(value)
    logits = logits.to(dtype).requires_grad_()
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        loss = model.reconstruction(logits, clean)
    loss.backward()
    assert loss.isfinite()
    for leaf in (logits, model.log_variance):
        assert leaf.grad is not None
        assert leaf.grad.isfinite().all()


def test_a_perfect_reconstruction_stays_finite_with_the_optimal_variance() -> None:
    model, clean = new_vae(likelihood="optimal").train(), torch.zeros(4, 1, 28, 28)
    logits = torch.full(clean.shape, -1e4, requires_grad=True)  # black on black: no error
    loss = model.reconstruction(logits, clean)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    model.reconstruction(*logits_and_clean())
    assert model.eval().reconstruction(*logits_and_clean()).isfinite()


# Draws


def test_standard_normal_draws_have_the_moments_of_one() -> None:
    draws = standard_normal(torch.Size((400, 500)), new_generator()).double()
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        error = math.sqrt(variance / draws.numel())
        assert draws.pow(power).mean().item() == pytest.approx(moment, abs=5 * error)
    assert draws.isfinite().all()


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_standard_normal_draws_do_not_depend_on_how_they_are_split(rows: int) -> None:
    whole, random = standard_normal(torch.Size((10, 7)), new_generator()), new_generator()
    parts = [standard_normal(torch.Size((rows, 7)), random) for _ in range(10 // rows)]
    assert torch.equal(torch.cat(parts), whole)


def test_samples_are_images_that_follow_from_the_generator() -> None:
    model = new_vae().eval()
    with torch.no_grad():
        images = model.sample(6, new_generator(3))
        assert torch.equal(model.sample(6, new_generator(3)), images)
        assert not torch.equal(model.sample(6, new_generator(4)), images)
    assert images.shape == (6, 1, 28, 28)
    assert images.dtype == torch.float32
    assert 0 <= images.min() <= images.max() <= 1
    assert not torch.equal(images[0], images[1])


def test_interpolation_goes_from_one_restored_image_to_the_other() -> None:
    model, noisy = new_vae().eval(), random_batch(2).noisy
    with torch.no_grad():
        images = model.interpolate(noisy[0], noisy[1], 5)
        first, last = model(noisy)
        middle = model.decode(model.encode(noisy).mean(0, keepdim=True))[0]
    assert images.shape == (5, 1, 28, 28)
    assert torch.allclose(images[0], first, atol=1e-6)
    assert torch.allclose(images[2], middle, atol=1e-6)
    assert torch.allclose(images[4], last, atol=1e-6)


def test_active_units_are_the_latents_whose_mean_varies() -> None:
    std = np.array([0.0, 0.05, 0.09, 0.11, 0.2, 3.0])  # active above 0.1
    means = np.random.default_rng(0).standard_normal((1_000, 6)) * std + [0, 5, -5, 5, 0, -5]
    metric = ActiveUnits(6)
    for part in torch.from_numpy(means).float().split([1, 600, 399]):
        metric.update(part)
    assert metric.compute().item() == (means.var(0) > 0.01).sum() == 3
