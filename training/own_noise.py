"""Fits an objective to pictures that are noisy already, and says where it does not fit them."""

import logging
from typing import Any

from datamodules.noisy_folder import NoisyFolder
from datamodules.own_noise import OwnNoise
from denoisers.base import ImageModel
from denoisers.training_objective import Unsupervised

CUT = 0.01  # the share of values that are black or white from which on it is said

log = logging.getLogger(__name__)


def fit_objective(model: ImageModel, objective: Unsupervised, data: NoisyFolder) -> dict[str, Any]:
    """Give an objective what its settings leave to the pictures, and make the model learn by it.

    What does not fit is logged as a warning.

    Args:
        model: The model that learns.
        objective: The objective, whose settings may be None.
        data: The pictures, set up.

    Returns:
        The settings of the objective, none of which is None.

    Raises:
        ValueError: The noise cannot be estimated, but the objective must know it.
    """
    noise = data.noise_of_pictures()
    fitted = objective.fitted(noise.std, noise.reach)
    model.train_by(fitted)
    model.choose_by(fitted.choosing())
    chosen = fitted.settings()
    for name, value in objective.settings().items():
        if value is None:
            log.info("objective.%s: %s, by the pictures", name, chosen[name])
    for line in misfits(fitted, noise):
        log.warning(line)
    return chosen


def misfits(objective: Unsupervised, noise: OwnNoise) -> list[str]:
    """Say what about the pictures' noise an objective does not hold for."""
    name, found = type(objective).__name__, []
    if noise.cut > CUT:
        found.append(
            f"{noise.cut:.1%} of the values are black or white, so noise was cut there and has no "
            "zero mean: what is learned is too bright near black and too dark near white. Files "
            "that keep such values are better, or another data.range"
        )
    allowed = objective.allowed_reach()
    if noise.correlation and any(n > most for n, most in zip(noise.reach, allowed, strict=True)):
        down, across = noise.reach
        found.append(
            f"pixels up to {down} down and {across} across share noise (correlation "
            f"{noise.correlation.strongest:.2f}), which {name} takes to be independent and would "
            "leave in: choose objective=structn2v, which hides such neighbours, or noise2noise"
        )
    if objective.needs_noise == "gaussian" and noise.grows:
        found.append(
            f"the noise grows with the light, and {name} holds for one standard deviation: choose "
            "noise2self or neighbor2neighbor"
        )
    return found
