"""What is particular to a VAE in an evaluation: its latents, its uncertainty, what it draws.

B images of D pixels, L latents, K draws from the posterior.
"""

import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor

from contract import generator
from datamodules.images import EVAL_BATCHES, ImageDataModule
from denoisers.metrics import psnr
from denoisers.vae import VAE, ActiveUnits, standard_normal
from runs import figures, pictures

DRAWS = 16
SUBSET = 2_000  # the first images, from whose posteriors latents are drawn
BINS = 20  # of pixels, by their predicted standard deviation
QUANTILES = {"coverage_68": 1.0, "coverage_95": 1.96}  # in predicted standard deviations
NOMINAL = {"coverage_68": 0.683, "coverage_95": 0.95}


class Predicted(NamedTuple):
    """What K draws of the latents say of a batch.

    restored: with the posterior mean. average: of the draws' images. single: the first draw's.
    spread: standard deviation over the draws. std: that and the likelihood's own together. All
    B C H W.
    """

    restored: Tensor
    average: Tensor
    single: Tensor
    spread: Tensor
    std: Tensor


@torch.inference_mode()
def panel(model: VAE, data: ImageDataModule, index: Tensor, directory: Path) -> dict[str, Any]:
    """Writes the pictures `vae_*.png` into `directory`; returns the numbers.

    index: positions in the test split, on the model's device. The posterior's draws are of the
    first 2,000 of them.

    Returns active_units, kl_by_latent (nats, means over images, in the model's order), psnr (dB) of
    the restorations with the posterior mean ("mean"), of the average of 16 draws' restorations
    ("average") and of one draw's ("single"), images, rms_error and rms_std of their pixels, and the
    shares of pixels within 1 and 1.96 predicted standard deviations, nominally 0.683 and 0.95.
    """
    units = ActiveUnits(model.latent_dim).to(index.device)
    kl = torch.zeros(model.latent_dim, device=index.device)
    size = EVAL_BATCHES * data.batch_size
    for part in index.split(size):
        mean, log_variance = model.posterior(data.eval_batch(data.test_split, part).noisy)
        units.update(mean)
        kl += kl_by_latent(mean, log_variance).sum(0)
    kl = (kl / len(index)).cpu()

    random = generator("cpu", "vae panel")
    scores: dict[str, list[Tensor]] = {"mean": [], "average": [], "single": []}
    errors, stds = [], []
    for part in index[:SUBSET].split(size):
        batch = data.eval_batch(data.test_split, part)
        found = predict(model, batch.noisy, random)
        for name, images in zip(scores, found[:3], strict=True):
            scores[name].append(psnr(images, batch.clean))
        errors.append((found.average - batch.clean).cpu().flatten())
        stds.append(found.std.cpu().flatten())
    error, std = torch.cat(errors), torch.cat(stds)

    first = data.examples(data.test_split, per_class=1).to(index.device)
    shown = data.eval_batch(data.test_split, first)
    found = predict(model, shown.noisy, generator("cpu", "vae panel", "examples"))
    rows = {
        "clean": shown.clean,
        "noisy": shown.noisy,
        "restored": found.restored,
        "10 x std of draws": 10 * found.spread,
        "2 x error": 2 * (found.average - shown.clean).abs(),
    }
    names = [data.class_names[label] for label in shown.label.tolist()]
    made = {
        "vae_uncertainty": figures.strip(rows, names),
        "vae_latents": _latents(kl),
        "vae_calibration": _calibration(error, std),
        "vae_samples": pictures.samples_of(model),
        "vae_interpolation": pictures.interpolation_of(model, shown),
    }
    for name, figure in made.items():
        figures.save(figure, directory / f"{name}.png")
    return {
        "active_units": int(units.compute()),
        "kl_by_latent": kl.tolist(),
        "psnr": {name: torch.cat(values).mean().item() for name, values in scores.items()},
        "draws": DRAWS,
        "images": len(index[:SUBSET]),
        "rms_error": _rms(error),
        "rms_std": _rms(std),
        **coverage(error, std),
    }


def kl_by_latent(mean: Tensor, log_variance: Tensor) -> Tensor:
    """`denoisers.vae.kl_divergence` before the sum over latents, in nats: B L."""
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp())


def predict(model: VAE, noisy: Tensor, random: torch.Generator) -> Predicted:
    """The draws come from a CPU generator, one set of K for each image."""
    mean, log_variance = model.posterior(noisy)
    shape = torch.Size((len(noisy), DRAWS, model.latent_dim))
    epsilon = standard_normal(shape, random).to(noisy.device).movedim(1, 0)
    latents = mean + (0.5 * log_variance).exp() * epsilon
    draws = torch.stack([model.decode(latent) for latent in latents])
    spread = draws.std(0, correction=0)
    std = (spread.square() + _variance_of_a_pixel(model, draws).mean(0)).sqrt()
    return Predicted(model.decode(mean), draws.mean(0), draws[0], spread, std)


def _variance_of_a_pixel(model: VAE, images: Tensor) -> Tensor:
    """The likelihood's own, given the decoded images of any shape."""
    if model.likelihood == "bernoulli":
        return images * (1 - images)
    if model.likelihood == "fixed":
        return torch.full_like(images, 0.5)
    return model.log_variance.exp().expand_as(images)


def coverage(error: Tensor, std: Tensor) -> dict[str, float]:
    """The share of pixels whose error is within the nominal 68 % and 95 % intervals."""
    return {
        name: (error.abs() <= quantile * std).double().mean().item()
        for name, quantile in QUANTILES.items()
    }


def _rms(values: Tensor) -> float:
    return math.sqrt(values.double().square().mean().item())


def _latents(kl: Tensor) -> Figure:
    figure = Figure(figsize=(8, 3), layout="constrained")
    axis = figure.subplots()
    axis.bar(range(1, len(kl) + 1), kl.sort(descending=True).values)
    axis.set_xlabel("latent, the most informative first")
    axis.set_ylabel("KL divergence (nats per image)")
    axis.set_title(f"{kl.sum():.1f} nats in all", fontsize=10)
    return figure


def _calibration(error: Tensor, std: Tensor) -> Figure:
    """The error that pixels have against the one that is predicted, in bins of as many pixels."""
    order = std.argsort()
    predicted = [_rms(part) for part in std[order].chunk(BINS)]
    observed = [_rms(part) for part in error[order].chunk(BINS)]
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    axis = figure.subplots()
    axis.plot(predicted, observed, marker="o", markersize=4, label="pixels")
    top = 1.05 * max(*predicted, *observed)
    axis.plot((0, top), (0, top), color="grey", linestyle="--", label="calibrated")
    shares = [
        f"{NOMINAL[name]:.1%} interval: {share:.1%} of pixels"
        for name, share in coverage(error, std).items()
    ]
    axis.set_title("\n".join(shares), fontsize=9)
    axis.set_xlabel("predicted standard deviation of a pixel")
    axis.set_ylabel("RMS error of such pixels")
    axis.legend(fontsize=8)
    return figure
