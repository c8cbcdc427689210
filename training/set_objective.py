"""Sets the objective of a run, unless it does not fit the model or the noise."""

import torch
from omegaconf import DictConfig

from cli.config import build, target_of
from datamodules.images import ImageDataModule
from datamodules.noise import Gaussian, Noise
from denoisers.base import ImageModel
from denoisers.denoiser import Denoiser
from denoisers.metrics import psnr
from denoisers.objectives import Supervised
from denoisers.training_objective import TrainingObjective, Unsupervised

LEAST_NOISE = 99  # dB: an image that is closer to the clean one counts as the same


def set_objective(node: DictConfig, model: ImageModel, data: ImageDataModule) -> TrainingObjective:
    """Build the objective that a config's node describes, and make the model learn by it.

    The data then gives a second noisy view, if the objective needs one. If its images are noisy
    already, the objective's loss on those that are held out chooses the epoch.

    Returns:
        The objective. Settings that are None are for `fit_objective`.

    Raises:
        ValueError: A setting is wrong, or the objective does not fit model, noise or data.
    """
    kind: type[TrainingObjective] = target_of(node, "objective")
    # Before its settings are checked, since other noises have no std for its sigma.
    if data.own_noise:
        _require_views(kind, data)
    else:
        _require_fit(kind, data.noise)
    objective: TrainingObjective = build(node, "objective")
    for name, value in objective.settings().items():
        if value is None and not data.own_noise:
            raise ValueError(f"objective.{name}: null is for data=noisy_folder: give its value")
    objective.require_fit(model)
    model.train_by(objective)
    data.second_view = objective.needs_second
    if data.own_noise:
        assert isinstance(objective, Unsupervised)
        model.choose_by(objective.choosing())
        if isinstance(model, Denoiser) and not data.has_clean:
            model.measure_by(())
    return objective


def _require_views(kind: type[TrainingObjective], data: ImageDataModule) -> None:
    if kind is Supervised:
        raise ValueError(
            f"objective: Supervised needs clean images, and {type(data).__name__} has none: choose "
            "noise2self, or another one that needs none"
        )
    if kind.needs_second and not data.has_second:
        raise ValueError(
            f"objective: {kind.__name__} needs a second take of each picture: give "
            "data.second_root, or choose noise2self"
        )


def _require_fit(kind: type[TrainingObjective], noise: Noise) -> None:
    # With clean images, training without noise makes sense: an autoencoder that compresses.
    if kind is not Supervised and not _adds_noise(noise):
        raise ValueError(
            f"objective: {kind.__name__} needs noise that the project adds, and {noise} adds none: "
            "give noise a level above 0; for pictures that are noisy already take "
            "data=noisy_folder, since other data measures against the pictures as they are"
        )
    if kind.needs_noise == "gaussian" and not isinstance(noise, Gaussian):
        raise ValueError(
            f"objective: {kind.__name__} holds for Gaussian noise of one standard deviation, "
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
