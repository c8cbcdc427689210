"""Sets the objective of a run, unless it does not fit the model or the noise."""

import torch
from omegaconf import DictConfig

from cli.config import build, target_of
from datamodules.images import ImageDataModule
from datamodules.noise import Gaussian, Noise
from denoisers.base import ImageModel
from denoisers.metrics import psnr
from denoisers.objectives import Supervised, TrainingObjective

LEAST_NOISE = 99  # dB: an image that is closer to the clean one counts as the same


def set_objective(node: DictConfig, model: ImageModel, data: ImageDataModule) -> None:
    """Build the objective that a config's node describes, and make the model learn by it.

    The data then gives a second noisy view, if the objective needs one.

    Raises:
        ValueError: A setting is wrong, or the objective does not fit the model or the noise.
    """
    kind: type[TrainingObjective] = target_of(node, "objective")
    # Before its settings are checked, since other noises have no std for its sigma.
    _require_fit(kind, data.noise)
    objective: TrainingObjective = build(node, "objective")
    objective.require_fit(model)
    model.train_by(objective)
    data.second_view = objective.needs_second


def _require_fit(kind: type[TrainingObjective], noise: Noise) -> None:
    # With clean images, training without noise makes sense: an autoencoder that compresses.
    if kind is not Supervised and not _adds_noise(noise):
        raise ValueError(
            f"objective: {kind.__name__} needs noise that the project adds, and {noise} adds none: "
            "pictures that are noisy already cannot be trained on yet, since the best epoch and "
            "all scores are measured against the pictures as they are; give noise a level above 0"
        )
    if kind.needs_noise == "gaussian" and not isinstance(noise, Gaussian):
        raise ValueError(
            f"objective: {kind.__name__} holds for Gaussian noise of one known standard deviation, "
            f"not for {type(noise).__name__}: choose noise=gaussian"
        )
    clean = torch.tensor([0.0, 0.5, 1.0])
    mean = noise.mean(clean)
    if kind.needs_noise != "any" and not torch.allclose(mean, clean, atol=1e-4):
        becomes = ", ".join(f"{value:.2f}" for value in mean.tolist())
        raise ValueError(
            f"objective: {kind.__name__} needs noise of zero mean, but under this one pixels of 0, "
            f"0.5 and 1 have the means {becomes}: give noise.clip=false, or a noise without a bias"
        )


def _adds_noise(noise: Noise) -> bool:
    """Return whether the noise changes an image with all levels of grey."""
    clean = torch.linspace(0, 1, 2**16).reshape(1, 1, 256, 256)
    noisy = noise(clean, torch.Generator().manual_seed(0))
    return psnr(noisy, clean).item() < LEAST_NOISE
