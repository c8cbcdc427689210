"""What an evaluation says of a VAE alone: its latents, its uncertainty, its samples.

B images of D pixels, L latents, K draws from the posterior.
"""

import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor

from datamodules.images import EVAL_BATCHES, ImageDataModule
from denoisers.metrics import psnr
from denoisers.vae import (
    MAX_LOG_VARIANCE,
    MIN_LOG_VARIANCE,
    VAE,
    ActiveUnits,
    kl_by_latent,
    standard_normal,
)
from groundwork.seeding import generator
from reporting import figures, model_figures

DRAWS = 16
SUBSET = 2_000  # latents are drawn for the first images only
BINS = 20  # for pixels, by their predicted standard deviation
QUANTILES = {"coverage_68": 1.0, "coverage_95": 1.96}  # in predicted standard deviations
NOMINAL = {"coverage_68": 0.683, "coverage_95": 0.95}


class Predicted(NamedTuple):
    """What K draws of the latents say of a batch, all B C H W.

    Attributes:
        restored: Decoded from the posterior mean.
        average: The mean of the draws' images.
        single: The first draw's images.
        spread: Standard deviation over the draws.
        std: That of the draws and of the likelihood together.
    """

    restored: Tensor
    average: Tensor
    single: Tensor
    spread: Tensor
    std: Tensor


@torch.inference_mode()
def panel(model: VAE, data: ImageDataModule, index: Tensor, directory: Path) -> dict[str, Any]:
    """Measure the posterior, and draw the pictures `vae_*.png`.

    Args:
        model: The VAE.
        data: The images.
        index: Positions in the test split from its first one on, on the model's device. Latents are
            drawn for the first 2,000 of them.
        directory: Where the pictures are written.

    Returns:
        active_units: How many latents are active.
        kl_by_latent: Nats, means over images, in the model's order.
        psnr: In dB, of what is restored from the posterior mean ("mean"), of the average of 16
            draws' images ("average") and of one draw's ("single").
        draws, images: How many there were.
        rms_error, rms_std: The error of pixels, and the predicted one.
        coverage_68, coverage_95: Shares of pixels within 1 and 1.96 predicted standard deviations
            of the average, nominally 0.683 and 0.95.
    """
    size = EVAL_BATCHES * data.batch_size
    codes = [
        model.posterior(data.eval_batch(data.test_split, part).noisy) for part in index.split(size)
    ]
    mean, log_variance = (torch.cat(parts).cpu() for parts in zip(*codes, strict=True))
    active = active_latents(mean)
    kl = kl_by_latent(mean, log_variance).mean(0)

    random = generator("cpu", "vae panel")
    scores: dict[str, list[Tensor]] = {"mean": [], "average": [], "single": []}
    errors, stds = [], []
    for part in index[:SUBSET].split(max(1, size // DRAWS)):  # so that the draws are a batch
        batch = data.eval_batch(data.test_split, part)
        found = predict(model, batch.noisy, random)
        for name, images in zip(scores, found[:3], strict=True):
            scores[name].append(psnr(images, batch.clean))
        errors.append((found.average - batch.clean).cpu().flatten())
        stds.append(found.std.cpu().flatten())
    error, std = torch.cat(errors), torch.cat(stds)

    first = data.examples(data.test_split, per_class=1).to(index.device)
    first = first[first < len(index)]
    shown = data.eval_batch(data.test_split, first)
    found = predict(model, shown.noisy, generator("cpu", "vae panel", "examples"))
    rows = {
        "clean": shown.clean,
        "noisy": shown.noisy,
        "restored": found.restored,
        "std of draws\n(x 10)": 10 * found.spread,
        "|error|\n(x 2)": 2 * (found.restored - shown.clean).abs(),
    }
    names = figures.titles(data.class_names, shown.label)
    made = {
        "vae_uncertainty": figures.strip(rows, names),
        "vae_latents": _latents(kl, active),
        "vae_calibration": _calibration(error, std),
        "vae_samples": model_figures.samples_of(model),
    }
    if len(first) > 1:
        made["vae_interpolation"] = model_figures.interpolation_of(model, shown)
    for name, figure in made.items():
        figures.save(figure, directory / f"{name}.png")
    return {
        "active_units": int(active.sum()),
        "kl_by_latent": kl.tolist(),
        "psnr": {name: torch.cat(values).mean().item() for name, values in scores.items()},
        "draws": DRAWS,
        "images": len(index[:SUBSET]),
        "rms_error": _rms(error),
        "rms_std": _rms(std),
        **coverage(error, std),
    }


def active_latents(mean: Tensor) -> Tensor:
    """Return which latents `denoisers.vae.ActiveUnits` counts: posterior means B L -> bool L."""
    return mean.var(0, correction=0) > ActiveUnits.threshold


def predict(model: VAE, noisy: Tensor, random: torch.Generator) -> Predicted:
    """Restore images with draws of the latents, K for each image, from a CPU generator."""
    mean, log_variance = model.posterior(noisy)
    shape = torch.Size((len(noisy), DRAWS, model.latent_dim))
    epsilon = standard_normal(shape, random).to(noisy.device).movedim(1, 0)
    latents = mean + (0.5 * log_variance).exp() * epsilon
    draws = model.decode(latents.flatten(0, 1)).unflatten(0, latents.shape[:2])
    spread = draws.std(0, correction=0)
    std = (spread.square() + _variance_of_a_pixel(model, draws).mean(0)).sqrt()
    return Predicted(model.decode(mean), draws.mean(0), draws[0], spread, std)


def _variance_of_a_pixel(model: VAE, images: Tensor) -> Tensor:
    """Return the likelihood's variance of each pixel of decoded images, of any shape."""
    if model.likelihood == "bernoulli":
        return images * (1 - images)
    if model.likelihood == "fixed":
        return torch.full_like(images, 0.5)
    log_variance = model.log_variance.clamp(MIN_LOG_VARIANCE, MAX_LOG_VARIANCE)
    return log_variance.exp().expand_as(images)


def coverage(error: Tensor, std: Tensor) -> dict[str, float]:
    """Return the shares of pixels whose error is within the nominal 68 % and 95 % intervals."""
    return {
        name: (error.abs() <= quantile * std).double().mean().item()
        for name, quantile in QUANTILES.items()
    }


def _rms(values: Tensor) -> float:
    return math.sqrt(values.double().square().mean().item())


def _latents(kl: Tensor, active: Tensor) -> Figure:
    order = kl.argsort(descending=True)
    place = torch.arange(1, len(kl) + 1)
    figure = Figure(figsize=(8, 3), layout="constrained")
    axis = figure.subplots()
    for name, kind, color in (("active", active, "C0"), ("inactive", ~active, "C3")):
        chosen = kind[order]
        label = f"{name} ({kind.sum()}), {kl[kind].sum():.1f} nats"
        axis.bar(place[chosen], kl[order][chosen], color=color, label=label)
    axis.set_xlim(0, len(kl) + 1)
    axis.set_xlabel("latent, the most informative first")
    axis.set_ylabel("KL divergence (nats per image)")
    axis.legend(fontsize=8)
    return figure


def _calibration(error: Tensor, std: Tensor) -> Figure:
    """Draw the error of pixels against the predicted one, in bins of equally many pixels."""
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
