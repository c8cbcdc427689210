"""What all models share: the step, and the bookkeeping of losses and metrics.

B images in a batch, C channels, H x W pixels.
"""

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import torch
from pydantic import Field
from pytorch_lightning import LightningModule
from torch import Tensor
from torchmetrics import MetricCollection

from denoisers.optimizer import OptimizerSettings, optimizer_and_schedule
from denoisers.schedule import WITHOUT_A_RUN, length_of
from groundwork.batch import Batch
from groundwork.ranges import Seed, require_ranges
from groundwork.seeding import derive_seed, generator

Stage = Literal["train", "val", "test"]
HELD_OUT_DRAWS = 4  # of an objective, over which its loss on held-out images is averaged
# Sizes of layers. Between two of the widest the count of weights still fits into 64 bits.
Width = Annotated[int, Field(ge=1, le=100_000)]
Widths = Annotated[list[Width], Field(min_length=1)]


class LossOutput(NamedTuple):
    """What the loss of a batch gives.

    Attributes:
        terms: Scalars, means over the batch. Training minimises terms["loss"]; all are logged.
        output: What `forward` gives for the batch, if the loss has computed it anyway.
    """

    terms: dict[str, Tensor]
    output: Any = None


Objective = Callable[["ImageModel", Batch, torch.Generator], LossOutput]  # the loss of a batch


class ImageModel(LightningModule):
    """A model of images, with one loss for training, validation and test.

    In training only, an objective can replace that loss: see `train_by`.

    Subclasses keep their constructor's plain arguments with `save_hyperparameters`. A checkpoint
    holds them, and the model is rebuilt from them without a config.

    Args:
        optimizer: Settings of the optimizer.
        seed: Keys every random draw of training (latents, dropout), with the epoch and the step.

    Attributes:
        image_shape: C H W.
        monitor: The metric that chooses the best epoch. `is_better_higher` says which is best.
        scored: Images in the last pass of each stage, of all processes together.

    Raises:
        ValueError: An argument is out of range.
    """

    monitor: str
    image_shape: tuple[int, int, int]

    def __init__(self, optimizer: OptimizerSettings, seed: Seed) -> None:
        super().__init__()
        require_ranges(ImageModel.__init__, locals())
        self.optimizer_settings = optimizer
        self.seed = seed
        self.scored: Counter[Stage] = Counter()
        self._totals: dict[Stage, dict[str, Tensor]] = {}
        self._counts: Counter[Stage] = Counter()
        self._trained_by: Objective | None = None
        self._compiled: Callable[[Batch, torch.Generator], LossOutput] | None = None
        self._chosen_by: Objective | None = None

    # What a model defines.

    @abstractmethod
    def loss_of(self, batch: Batch, random: torch.Generator) -> LossOutput:
        """Return the loss of a batch. Every draw comes from `random`, which may be on the CPU."""

    @abstractmethod
    def update_metrics(self, stage: Stage, output: Any, batch: Batch) -> None:
        """Update the stage's metrics with the output of `forward` for the batch."""

    @abstractmethod
    def stage_metrics(self, stage: Stage) -> list[MetricCollection]:
        """Return the metrics of a stage, under names without the stage: "psnr", not "val/psnr"."""

    @abstractmethod
    def encode(self, noisy: Tensor) -> Tensor:
        """Return the model's code of its input: B C H W -> B D."""

    # What all models share.

    @property
    def takes_any_size(self) -> bool:
        """Whether the model takes images of any height and width."""
        return False

    def takes(self, image_shape: tuple[int, int, int]) -> bool:
        """Return whether the model takes images of this shape, C H W."""
        if self.takes_any_size:
            return image_shape[0] == self.image_shape[0]
        return image_shape == self.image_shape

    def train_by(self, objective: Objective) -> None:
        """Minimise an objective in training. Validation and test keep the model's own loss.

        The objective, one of `denoisers.objectives`, belongs to the run and not to the model.
        """
        self._trained_by = objective

    def choose_by(self, objective: Objective) -> None:
        """Let an objective's loss on held-out images choose the epoch, in place of clean images.

        It is a mean over `HELD_OUT_DRAWS` draws, the same in each epoch, so that epochs differ by
        their weights alone. It is logged by the objective's name, since it says nothing of clean
        images.
        """
        self._chosen_by = objective
        self.monitor = f"val/{type(objective).__name__.lower()}_loss"

    def training_loss_of(self, batch: Batch, random: torch.Generator) -> LossOutput:
        """Return the loss that training minimises: the objective's, or else the model's own."""
        if self._trained_by is None:
            return self.loss_of(batch, random)
        return self._trained_by(self, batch, random)

    def compile_training(self) -> None:
        """Compile the training loss: at the first step, and again at a last, smaller batch.

        A method is compiled, not the module, so that the weights keep their names.
        """
        self._compiled = torch.compile(self.training_loss_of, dynamic=False)

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        key = (self.seed, self.current_epoch, batch_idx)
        # Each process drops units for its own images only. Nothing else depends on their number.
        process = () if batch.shard is None else (batch.shard.rank,)
        seed_dropout(self.device, derive_seed("dropout", *key, *process))
        terms = self._step("train", batch, generator(self.device, "latent", *key)).terms
        if batch.shard is not None:
            terms = {name: value * batch.shard.weight for name, value in terms.items()}
        if self.device.type == "cpu" or self._looks_closer():
            self._require_finite("train/loss", terms["loss"])
        # Lightning keeps what is returned until the next step, and so would keep graphs.
        return {name: v if name == "loss" else v.detach() for name, v in terms.items()}

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        # In float16 a scaler skips the steps whose gradients overflow, and lowers its scale.
        scaled = getattr(self.trainer.precision_plugin, "scaler", None) is not None
        if self._looks_closer() and not scaled:
            gradients = [p.grad for p in self.parameters() if p.grad is not None]
            self._require_finite("the gradient's norm", torch.nn.utils.get_total_norm(gradients))

    def on_train_epoch_end(self) -> None:
        """Stop before a checkpoint with weights that are not finite is written."""
        self._require_finite(
            "the weights' norm", torch.nn.utils.get_total_norm(list(self.parameters()))
        )

    def validation_step(self, batch: Batch, batch_idx: int) -> Any:
        return self._evaluation_step("val", batch)

    def test_step(self, batch: Batch, batch_idx: int) -> Any:
        return self._evaluation_step("test", batch)

    def _evaluation_step(self, stage: Stage, batch: Batch) -> Any:
        """Return the model's output, for callbacks."""
        if not len(batch.clean):  # the other processes have all images of the last batch
            return None
        output = self._step(stage, batch, self._evaluation_random).output
        if output is None:
            output = self(batch.noisy)
        self.update_metrics(stage, output, batch)
        return output

    def _step(self, stage: Stage, batch: Batch, random: torch.Generator) -> LossOutput:
        if stage == "train":
            loss = (self._compiled or self.training_loss_of)(batch, random)
        elif stage == "val" and self._chosen_by is not None:
            loss = self._mean_of_draws(self._chosen_by, batch)
        else:
            loss = self.loss_of(batch, random)
        totals, size = self._totals[stage], len(batch.clean)
        self._counts[stage] += size
        for name, value in loss.terms.items():
            # Summed on the device and read once an epoch: `self.log` in each step would cost more
            # than the step of a small network.
            totals[name] = totals.get(name, 0) + value.detach() * size
        return loss

    def _mean_of_draws(self, objective: Objective, batch: Batch) -> LossOutput:
        draws = [
            objective(self, batch, self._held_out_random).terms["loss"]
            for _ in range(HELD_OUT_DRAWS)
        ]
        return LossOutput({"loss": torch.stack(draws).mean()})

    def on_train_epoch_start(self) -> None:
        self._start("train")

    def on_validation_epoch_start(self) -> None:
        self._start("val")

    def on_test_epoch_start(self) -> None:
        self._start("test")

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        # `on_train_epoch_end` comes after the callbacks that need the epoch's loss.
        if self.trainer.is_last_batch:
            self._finish("train")

    def on_validation_epoch_end(self) -> None:
        self._finish("val")

    def on_test_epoch_end(self) -> None:
        self._finish("test")

    def _start(self, stage: Stage) -> None:
        self._totals[stage] = {}
        self._counts[stage] = 0
        for metrics in self.stage_metrics(stage):
            metrics.reset()  # not at the end: what they hold of each image can be read after it
        if stage != "train":
            self._evaluation_random = generator("cpu", "evaluation latent")
            self._held_out_random = generator(self.device, "held-out loss")

    def _finish(self, stage: Stage) -> None:
        images = int(self._of_all(torch.tensor(self._counts[stage], device=self.device)))
        self.scored[stage] = images
        totals = self._totals[stage].items()
        means = {name: self._of_all(total) / images for name, total in totals}
        self._require_finite(f"{stage}/loss", means["loss"])
        monitored = self.monitor.split("/")[1]
        if stage == "val" and self._chosen_by is not None:
            means[monitored] = means.pop("loss")
        for metrics in self.stage_metrics(stage):
            means |= metrics.compute()
        if monitored in means:
            self._require_finite(f"{stage}/{monitored}", means[monitored])
        for name, value in means.items():
            self.log(
                f"{stage}/{name}",
                value,
                on_step=False,
                on_epoch=True,
                prog_bar=name in ("loss", monitored),
                # Lightning logs an epoch's training after the checkpoints are written. A run that
                # was cut off in between would lack it, so `History` logs it before.
                logger=False if stage == "train" else None,
                batch_size=1,
            )

    def _of_all(self, value: Tensor, how: Literal["sum", "mean"] = "sum") -> Tensor:
        """Return the sum or the mean over all processes. It may change the tensor in place."""
        reduced = self.trainer.strategy.reduce(value, reduce_op=how)
        assert isinstance(reduced, Tensor)
        return reduced

    def _looks_closer(self) -> bool:
        """Return whether to make the checks that cost as much as a small network's step."""
        return self.global_step % self.trainer.log_every_n_steps == 0  # type: ignore[attr-defined]

    def _require_finite(self, name: str, value: Tensor) -> None:
        if not torch.isfinite(value):
            rate = self.trainer.optimizers[0].param_groups[0]["lr"]
            raise FloatingPointError(
                f"{name} is {value.item()} in epoch {self.current_epoch}, step {self.global_step}, "
                f"at a learning rate of {rate:g}: "
                "try a lower model.optimizer.lr or trainer.gradient_clip_val=1"
            )

    def configure_optimizers(self) -> Any:
        # In float16 a fused optimizer would unscale the gradients itself, after the clipping.
        plugin = self._trainer.precision_plugin if self._trainer else None
        fused = getattr(plugin, "scaler", None) is None
        length = WITHOUT_A_RUN
        if self._trainer:
            loader = self._trainer.datamodule.train_dataloader()  # type: ignore[attr-defined]
            length = length_of(self._trainer, len(loader))
        return optimizer_and_schedule(self.optimizer_settings, self.parameters(), fused, length)


def seed_dropout(device: torch.device, seed: int) -> None:
    """Seed the device's global generator, which is the only one that dropout takes.

    `torch.manual_seed` seeds those of all kinds of devices. For each kind that the machine lacks it
    stores the call with a stack trace, which takes a millisecond and some memory in each step.
    """
    if device.type == "cpu":
        torch.default_generator.manual_seed(seed)
    else:
        torch.get_device_module(device).manual_seed(seed)
