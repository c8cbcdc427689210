"""Figures of what a model makes of a few images."""

import torch
from matplotlib.figure import Figure

from denoisers.base import ImageModel
from denoisers.classifier import Classifier
from denoisers.composite import Composite
from denoisers.denoiser import Denoiser
from denoisers.metrics import psnr
from denoisers.symmetries import Restore
from denoisers.vae import VAE
from groundwork.batch import Batch
from groundwork.seeding import generator
from reporting import figures

SAMPLES = 10  # images in a row that a VAE draws or interpolates


@torch.no_grad()
def strip_of(
    model: ImageModel,
    batch: Batch,
    names: tuple[str, ...],
    classifier: Classifier | None = None,
    restore: Restore | None = None,
) -> Figure:
    """Draw a batch clean, noisy and restored, with the true classes above it.

    Under a noisy or restored image stand its PSNR and the classifier's guess. Noisy pictures may
    have no clean ones, and then neither a PSNR.

    Args:
        model: Restores the images. A classifier does not, so there is no such row.
        batch: The images.
        names: The classes.
        classifier: One beside a denoiser, if any. A composite and a classifier bring their own.
        restore: What restores the images in place of the model itself, if anything.
    """
    rows = figures.clean_and_noisy(batch)
    if isinstance(model, Composite):
        rows["restored"] = (restore or model.denoiser)(batch.noisy)
        classifier = model.classifier
    elif isinstance(model, Denoiser):
        rows["restored"] = (restore or model)(batch.noisy)
    elif isinstance(model, Classifier):
        classifier = model
    captions: dict[str, list[str]] = {name: [""] * len(batch.clean) for name in rows}
    for name, images in rows.items():
        if name != "clean" and "clean" in rows:
            captions[name] = [f"{value:.1f} dB" for value in psnr(images, batch.clean)]
        if classifier is not None:
            guesses = classifier(images).argmax(1).tolist()
            for column, guess in enumerate(guesses):
                captions[name][column] = f"{names[guess]}\n{captions[name][column]}".strip()
    return figures.strip(rows, figures.titles(names, batch.label), captions)


@torch.no_grad()
def samples_of(model: VAE) -> Figure:
    """Draw images from the prior, from the same latents each time."""
    samples = model.sample(2 * SAMPLES, generator("cpu", "samples"))
    return figures.strip({"samples": samples[:SAMPLES], "more samples": samples[SAMPLES:]})


@torch.no_grad()
def interpolation_of(model: VAE, batch: Batch) -> Figure:
    """Draw the decoded way from the first image's code to the codes of the next two.

    Args:
        model: The VAE.
        batch: At least two images.
    """
    first = batch.noisy[0]
    walks = {
        f"to image {end + 1}": model.interpolate(first, batch.noisy[end], SAMPLES)
        for end in range(1, min(3, len(batch.noisy)))
    }
    return figures.strip(walks)
