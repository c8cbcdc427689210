"""The loss of a VAE: KL and the likelihoods, against torch's distributions and closed forms."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Bernoulli, Distribution, Normal
from torch.distributions import kl_divergence as reference_kl

from denoisers.vae import kl_divergence, standard_normal
from tests.helpers.models import random_batch
from tests.helpers.vaes import LIKELIHOODS, logits_and_clean, new_generator, new_vae

# The same examples in every run, without a time limit, which a busy machine would exceed.
EXAMPLES = settings(derandomize=True, deadline=None, max_examples=60)


def surprise(distribution: Distribution, clean: Tensor) -> float:
    """Return -log p in nats, summed over pixels and averaged over images."""
    return -distribution.log_prob(clean).flatten(1).sum(1).mean().item()


# The KL divergence


def test_kl_is_that_of_two_normal_distributions() -> None:
    mean, log_variance = torch.randn(2, 50, 7, generator=new_generator())
    posterior = Normal(mean, (0.5 * log_variance).exp())
    expected = reference_kl(posterior, Normal(0.0, 1.0)).sum(1)
    assert torch.allclose(kl_divergence(mean, log_variance), expected, atol=1e-5)


def test_kl_of_half_precision_is_computed_in_single_precision() -> None:
    mean, log_variance = torch.randn(2, 50, 7, generator=new_generator()).bfloat16()
    expected = kl_divergence(mean.float(), log_variance.float())
    assert torch.equal(kl_divergence(mean, log_variance), expected)


@given(
    mean=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=40),
    log_variance=st.floats(-12, 12),
    batch=st.integers(1, 5),
)
@EXAMPLES
def test_kl_is_the_closed_form_for_any_sizes_and_values(
    mean: list[float], log_variance: float, batch: int
) -> None:
    means = torch.tensor(mean).repeat(batch, 1)
    log_variances = (log_variance * torch.linspace(-1, 1, len(mean))).repeat(batch, 1)
    posterior = Normal(means.double(), (0.5 * log_variances.double()).exp())
    expected = reference_kl(posterior, Normal(0.0, 1.0)).sum(1)
    found = kl_divergence(means, log_variances).double()
    assert found.shape == (batch,)
    # With a mean near 0 and a variance near 1, numbers near 1 are subtracted from each other.
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-6 * len(mean))


# The reconstruction term


@pytest.mark.parametrize("log_variance", [-3.0, 0.0, 1.5])
def test_learned_likelihood_is_normal_with_the_parameters_variance(log_variance: float) -> None:
    model, (logits, clean) = new_vae(likelihood="learned"), logits_and_clean()
    with torch.no_grad():
        model.log_variance.fill_(log_variance)
    expected = surprise(Normal(logits.sigmoid(), math.exp(0.5 * log_variance)), clean)
    for mode in (True, False):
        found = model.train(mode).reconstruction(logits, clean).item()
        assert found == pytest.approx(expected, rel=1e-5)


def test_optimal_likelihood_is_normal_with_the_batchs_best_variance() -> None:
    model, (logits, clean) = new_vae(likelihood="optimal").train(), logits_and_clean()
    restored = logits.sigmoid()
    variance = (restored - clean).square().mean().item()
    found = model.reconstruction(logits, clean).item()
    assert found == pytest.approx(surprise(Normal(restored, math.sqrt(variance)), clean), rel=1e-5)
    for factor in (0.9, 1.1):
        assert found < surprise(Normal(restored, math.sqrt(factor * variance)), clean)


def test_optimal_likelihood_is_evaluated_with_a_running_variance() -> None:
    model, (logits, clean) = new_vae(likelihood="optimal"), logits_and_clean()
    for _ in range(200):
        best = model.train().reconstruction(logits, clean).item()
    other = torch.zeros_like(logits)
    variance = (logits.sigmoid() - clean).square().mean().item()
    model.eval()
    assert model.reconstruction(logits, clean).item() == pytest.approx(best, rel=1e-4)
    expected = surprise(Normal(other.sigmoid(), math.sqrt(variance)), clean)
    assert model.reconstruction(other, clean).item() == pytest.approx(expected, rel=1e-4)
    assert model.reconstruction(other, clean).item() == pytest.approx(expected, rel=1e-4)


def test_fixed_likelihood_is_normal_with_variance_one_half_but_for_a_constant() -> None:
    model, (logits, clean) = new_vae(likelihood="fixed"), logits_and_clean()
    constants = []
    for target in (clean, 1 - clean, clean.flip(0)):
        expected = surprise(Normal(logits.sigmoid(), math.sqrt(0.5)), target)
        constants.append(expected - model.reconstruction(logits, target).item())
    assert constants == pytest.approx([constants[0]] * 3, abs=1e-2)


def test_bernoulli_likelihood_is_that_of_bernoulli_pixels() -> None:
    model, (logits, clean) = new_vae(likelihood="bernoulli"), logits_and_clean()
    expected = surprise(Bernoulli(logits=logits, validate_args=False), clean)
    assert model.reconstruction(logits, clean).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_every_parameter_receives_a_gradient(likelihood: str) -> None:
    model = new_vae(likelihood=likelihood).train()
    model.loss_of(random_batch(4), new_generator()).terms["loss"].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


# The loss


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_the_loss_is_reconstruction_plus_beta_times_kl(likelihood: str, beta: float) -> None:
    model, batch = new_vae(likelihood=likelihood, beta=beta).eval(), random_batch(4)
    with torch.no_grad():
        terms = model.loss_of(batch, new_generator()).terms
        mean, log_variance = model.posterior(batch.noisy)
    posterior = Normal(mean, (0.5 * log_variance).exp())
    kl = reference_kl(posterior, Normal(0.0, 1.0)).sum(1).mean().item()
    assert terms["kl"].item() == pytest.approx(kl, rel=1e-4)
    expected = terms["reconstruction"].item() + beta * kl
    assert terms["loss"].item() == pytest.approx(expected, rel=1e-5)


@given(
    likelihood=st.sampled_from(LIKELIHOODS),
    batch=st.integers(1, 9),
    latents=st.integers(1, 70),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 8), st.integers(1, 8)),
    beta=st.floats(0, 100),
    log_variance=st.floats(-4, 4),
    training=st.booleans(),
    seed=st.integers(0, 1_000),
)
@EXAMPLES
def test_the_loss_is_the_closed_form_for_any_sizes(
    likelihood: str,
    batch: int,
    latents: int,
    shape: tuple[int, int, int],
    beta: float,
    log_variance: float,
    training: bool,
    seed: int,
) -> None:
    """Compute the loss in float64 with torch.distributions.

    It is summed over pixels and latents, then averaged over the images of the batch.
    """
    model = new_vae(shape, likelihood=likelihood, latent_dim=latents, beta=beta, hidden=[6])
    model.train(training)
    images = random_batch(batch, shape)
    if likelihood in ("learned", "optimal"):
        with torch.no_grad():
            model.log_variance.fill_(log_variance)
    with torch.no_grad():
        loss = model.loss_of(images, new_generator(seed)).terms["loss"].item()
        mean, log_variances = (part.double() for part in model.posterior(images.noisy))
        draws = standard_normal(mean.shape, new_generator(seed)).double()
        std = (0.5 * log_variances).exp()
        logits = model._decoder_logits((mean + std * draws).float()).double()
    clean, restored, constant = images.clean.double(), logits.sigmoid(), 0.0
    pixel: Distribution
    match likelihood:
        case "bernoulli":
            pixel = Bernoulli(logits=logits, validate_args=False)
        case "fixed":
            pixel = Normal(restored, math.sqrt(0.5))
            constant = 0.5 * math.log(math.pi) * math.prod(shape)  # which the loss leaves out
        case "optimal" if training:
            pixel = Normal(restored, (restored - clean).square().mean().sqrt())
        case _:
            pixel = Normal(restored, math.exp(0.5 * log_variance))
    kl = reference_kl(Normal(mean, std), Normal(0.0, 1.0)).sum(1).mean().item()
    expected = surprise(pixel, clean) - constant + beta * kl
    assert loss == pytest.approx(expected, rel=1e-4, abs=1e-4 * math.prod(shape))
