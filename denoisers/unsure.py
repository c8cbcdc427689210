"""Stein's unbiased risk estimate without the noise's strength, which training finds.

B images, C channels, H x W pixels, N = C * H * W values.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any

import torch
from pydantic import Field
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from denoisers.losses import distance
from denoisers.objectives import Noise2Self, restored_and_divergence
from denoisers.training_objective import Net, TrainingObjective, Unsupervised
from groundwork.batch import Batch

LARGEST = 1e6  # of what a checkpoint may hold; images are in about [0, 1]


class Multiplier:
    """The multiplier of UNSURE's constraint, which gradient ascent with momentum raises.

    Attributes:
        std: Its square root, float32.
        velocity: The running mean of the gradients, 0 before the first one.
    """

    def __init__(self, std: float) -> None:
        self.std = torch.tensor(std)
        self.velocity = torch.tensor(0.0)

    @torch.no_grad()
    def ascend(self, divergence: Tensor, step_size: float, momentum: float) -> None:
        """Take a step along the gradient of 2 std^2 div f(y) / N, given div f(y) / N."""
        std = self.std.to(divergence)
        gradient = 4 * std * divergence
        self.velocity = momentum * self.velocity.to(gradient) + (1 - momentum) * gradient
        self.std = std + step_size * self.velocity


@dataclass(frozen=True)
class UNSURE(Unsupervised):
    """Tachella, Davies and Jacques (2025), for y = x + n with n ~ N(0, sigma^2 I) of unknown sigma:

    the minimum over f of the maximum over eta of |f(y) - y|^2 + 2 eta div f(y)

    The maximum keeps the mean divergence at 0. So f is the best denoiser among those that use a
    pixel's own value on balance not at all. SURE has sigma^2 for eta and minus a constant. Here eta
    comes to be sigma^2 / (1 - e), where e is the mean squared error of the best denoiser, divided
    by sigma^2. The divergence is estimated as in `SURE`.

    The multiplier is no setting, but what training has found so far. `callbacks` raises it, keeps
    it in checkpoints, and makes it the same in all processes. As in the authors' code, the square
    root of eta ascends, which so takes as many steps to double for weak noise as for strong.

    Attributes:
        epsilon: Step of the difference, in units of the [0, 1] range.
        start: The square root of the first eta, in the same units. The authors' code has 0.1.
        step_size: Of the ascent, along the mean over values and images. The authors' code has 0.01.
        momentum: Of the ascent. The paper has 0.9.
    """

    epsilon: Annotated[float, Field(gt=0)]
    start: Annotated[float, Field(gt=0)]
    step_size: Annotated[float, Field(gt=0)]
    momentum: Annotated[float, Field(ge=0, lt=1)]
    multiplier: Multiplier = field(init=False, repr=False, compare=False)
    needs_noise = "gaussian"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "multiplier", Multiplier(self.start))

    def choosing(self) -> TrainingObjective:
        """Leave the choice to hidden pixels, since this loss is least where eta is too small.

        Hidden pixels are restored best by a denoiser that does not use a pixel's own value.
        """
        return Noise2Self(width=4)

    def callbacks(self) -> list[Callback]:
        return [Ascent(self)]

    def terms(self, net: Net, batch: Batch, random: torch.Generator) -> dict[str, Tensor]:
        values, std = batch.noisy[0].numel(), self.multiplier.std.to(batch.noisy.device)
        restored, divergence = restored_and_divergence(net, batch, self.epsilon, random)
        return {
            "loss": distance("mse", restored, batch.noisy) + 2 * std**2 * divergence,
            "divergence": divergence / values,
            "noise_std": std,
        }

    def loss(self, net: Net, batch: Batch, random: torch.Generator) -> Tensor:
        return self.terms(net, batch, random)["loss"]

    def ascend(self, divergence: Tensor) -> None:
        """Raise the multiplier by the mean divergence over all images of a step, divided by N."""
        self.multiplier.ascend(divergence, self.step_size, self.momentum)


class Ascent(Callback):
    """Raises the multiplier of an `UNSURE` after each step of training, and keeps it."""

    state_key = "UNSURE"

    def __init__(self, objective: UNSURE) -> None:
        self.objective = objective

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        divergence = trainer.strategy.reduce(outputs["divergence"].clone(), reduce_op="mean")
        assert isinstance(divergence, Tensor)
        self.objective.ascend(divergence)

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if self.state_key not in checkpoint["callbacks"]:
            raise ValueError(f"{trainer.ckpt_path} cannot be resumed: it lacks UNSURE's multiplier")

    def state_dict(self) -> dict[str, Any]:
        multiplier = self.objective.multiplier
        return {"std": multiplier.std.item(), "velocity": multiplier.velocity.item()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        std, velocity = state_dict["std"], state_dict["velocity"]
        if not all(isinstance(value, float) and abs(value) < LARGEST for value in (std, velocity)):
            raise ValueError(
                "checkpoint: it cannot be resumed: its multiplier is not a number of moderate size"
            )
        multiplier = self.objective.multiplier
        multiplier.std, multiplier.velocity = torch.tensor(std), torch.tensor(velocity)
