"""What all models share: the step, the bookkeeping of losses and metrics, the optimizer.

B images in a batch, C channels, H x W pixels.
"""

import math
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import torch
from pytorch_lightning import LightningModule
from torch import Tensor
from torchmetrics import MetricCollection

from groundwork.batch import Batch
from groundwork.seeding import derive_seed, generator

Stage = Literal["train", "val", "test"]
WIDEST = 100_000  # layer: between two of them the count of weights still fits into 64 bits


class Objective(NamedTuple):
    """A training objective's value for a batch.

    terms: scalars, means over the batch; training minimises terms["loss"], all are logged.
    output: what `forward` gives for the batch, where computing the loss has made it anyway.
    """

    terms: dict[str, Tensor]
    output: Any = None


class ImageModel(LightningModule):
    """A model of images with one objective for training, validation and test.

    In training alone another one can take its place, see `train_by`.

    lr: learning rate of AdamW in the first epoch.
    lr_decay: factor on the learning rate after each epoch. It does not depend on how many epochs
        there will be, so that a run that is extended equals one that was longer from the start.
    weight_decay: AdamW's; with 0 it is Adam.
    seed: keys every random draw of training (latents, dropout), with the epoch and the step.

    Subclasses keep their constructor's plain arguments with `save_hyperparameters`: a checkpoint
    holds them, and the model is rebuilt from it without a config.

    Raises ValueError for an argument out of range.
    """

    monitor: str  # the metric that chooses the best epoch; higher is better
    image_shape: tuple[int, int, int]  # C H W

    def __init__(self, lr: float, lr_decay: float, weight_decay: float, seed: int) -> None:
        super().__init__()
        if not (lr > 0 and math.isfinite(lr)):
            raise ValueError(f"lr must be a finite number above 0, got {lr}")
        if not 0 < lr_decay <= 1:
            raise ValueError(f"lr_decay must be in (0, 1], got {lr_decay}")
        if not (weight_decay >= 0 and math.isfinite(weight_decay)):
            raise ValueError(f"weight_decay must be a finite number from 0, got {weight_decay}")
        if not 0 <= seed < 2**32:
            raise ValueError(f"seed must be in [0, 2**32), got {seed}")
        self.lr = lr
        self.lr_decay = lr_decay
        self.weight_decay = weight_decay
        self.seed = seed
        self._totals: dict[Stage, dict[str, Tensor]] = {}
        self._counts: Counter[Stage] = Counter()
        # How many images the last pass of each stage has had, in all processes together.
        self.scored: Counter[Stage] = Counter()
        self._trained_by: Callable[[ImageModel, Batch, torch.Generator], Objective] | None = None
        self._compiled: Callable[[Batch, torch.Generator], Objective] | None = None

    # What a model defines.

    @abstractmethod
    def objective(self, batch: Batch, random: torch.Generator) -> Objective:
        """The loss of a batch. Every draw comes from `random`, which may be a CPU generator."""

    @abstractmethod
    def update_metrics(self, stage: Stage, output: Any, batch: Batch) -> None:
        """Update the stage's metrics with the output of `forward` for the batch."""

    @abstractmethod
    def stage_metrics(self, stage: Stage) -> list[MetricCollection]:
        """The metrics of a stage, named without it: "psnr", not "val/psnr"."""

    @abstractmethod
    def encode(self, noisy: Tensor) -> Tensor:
        """The code that the model makes of its input: B C H W -> B D."""

    # What all do with it.

    @property
    def takes_any_size(self) -> bool:
        """Whether it takes images of any height and width."""
        return False

    def takes(self, image_shape: tuple[int, int, int]) -> bool:
        """Whether it takes images of this shape, C H W."""
        if self.takes_any_size:
            return image_shape[0] == self.image_shape[0]
        return image_shape == self.image_shape

    def train_by(
        self, objective: Callable[["ImageModel", Batch, torch.Generator], Objective]
    ) -> None:
        """Minimise another objective than the model's own, which validation and test still log.

        It belongs to a run and not to the model: `denoisers.objectives` has those there are.
        """
        self._trained_by = objective

    def training_objective(self, batch: Batch, random: torch.Generator) -> Objective:
        if self._trained_by is None:
            return self.objective(batch, random)
        return self._trained_by(self, batch, random)

    def compile_training(self) -> None:
        """Compile the objective for training: at the first step, and at a last smaller batch.

        A method and not the module is compiled, so that the weights keep their names.
        """
        self._compiled = torch.compile(self.training_objective, dynamic=False)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        key = (self.seed, self.current_epoch, batch_idx)
        # Each process drops for its own images alone: here, and nowhere else, their number matters.
        process = () if batch.shard is None else (batch.shard.rank,)
        seed_dropout(self.device, derive_seed("dropout", *key, *process))
        loss = self._step("train", batch, generator(self.device, "latent", *key)).terms["loss"]
        if batch.shard is not None:
            loss = loss * batch.shard.weight
        if self.device.type == "cpu" or self._looks_closer():
            self._require_finite("train/loss", loss)
        return loss

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        # A scaler of half-precision losses skips the steps that overflow, and lowers its scale.
        scaled = getattr(self.trainer.precision_plugin, "scaler", None) is not None
        if self._looks_closer() and not scaled:
            gradients = [p.grad for p in self.parameters() if p.grad is not None]
            self._require_finite("the gradient's norm", torch.nn.utils.get_total_norm(gradients))

    def on_train_epoch_end(self) -> None:
        """Before the checkpoints are written, which are to hold no weights that are not finite."""
        self._require_finite(
            "the weights' norm", torch.nn.utils.get_total_norm(list(self.parameters()))
        )

    def validation_step(self, batch: Batch, batch_idx: int) -> Any:
        return self._evaluation_step("val", batch)

    def test_step(self, batch: Batch, batch_idx: int) -> Any:
        return self._evaluation_step("test", batch)

    def _evaluation_step(self, stage: Stage, batch: Batch) -> Any:
        """Returns the output, for callbacks."""
        if not len(batch.clean):  # other processes have all images of the last batch
            return None
        output = self._step(stage, batch, self._evaluation_random).output
        if output is None:
            output = self(batch.noisy)
        self.update_metrics(stage, output, batch)
        return output

    def _step(self, stage: Stage, batch: Batch, random: torch.Generator) -> Objective:
        training = self._compiled or self.training_objective
        compute = training if stage == "train" else self.objective
        objective = compute(batch, random)
        totals, size = self._totals[stage], len(batch.clean)
        self._counts[stage] += size
        for name, value in objective.terms.items():
            # Summed on the device and read once an epoch: `self.log` in each step would cost more
            # than the step of a small network.
            totals[name] = totals.get(name, 0) + value.detach() * size
        return objective

    def on_train_epoch_start(self) -> None:
        self._start("train")

    def on_validation_epoch_start(self) -> None:
        self._start("val")

    def on_test_epoch_start(self) -> None:
        self._start("test")

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        # Not in `on_train_epoch_end`, which comes after the callbacks that want the epoch's loss.
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

    def _finish(self, stage: Stage) -> None:
        images = int(self._of_all(torch.tensor(self._counts[stage], device=self.device)))
        self.scored[stage] = images
        totals = self._totals[stage].items()
        means = {name: self._of_all(total) / images for name, total in totals}
        self._require_finite(f"{stage}/loss", means["loss"])
        for metrics in self.stage_metrics(stage):
            means |= metrics.compute()
        monitored = self.monitor.split("/")[1]
        if monitored in means:
            self._require_finite(f"{stage}/{monitored}", means[monitored])
        for name, value in means.items():
            self.log(
                f"{stage}/{name}",
                value,
                on_step=False,
                on_epoch=True,
                prog_bar=name in ("loss", monitored),
                # Lightning would log an epoch's training after the checkpoints are written, so that
                # a run that was cut off in between would lack it: the history does it before.
                logger=False if stage == "train" else None,
                batch_size=1,
            )

    def _of_all(self, value: Tensor, how: Literal["sum", "mean"] = "sum") -> Tensor:
        """The value of all processes together; the tensor itself may become it."""
        reduced = self.trainer.strategy.reduce(value, reduce_op=how)
        assert isinstance(reduced, Tensor)
        return reduced

    def _looks_closer(self) -> bool:
        """Rarely: what waits for the device, or costs about as much as a small network's step."""
        return self.global_step % self.trainer.log_every_n_steps == 0  # type: ignore[attr-defined]

    def _require_finite(self, name: str, value: Tensor) -> None:
        if not torch.isfinite(value):
            raise FloatingPointError(
                f"{name} is {value.item()} in epoch {self.current_epoch}, step {self.global_step}, "
                f"at a learning rate of {self.lr * self.lr_decay**self.current_epoch:g}: "
                "try a lower model.lr or trainer.gradient_clip_val=1"
            )

    def configure_optimizers(self) -> Any:
        # What a fused optimizer unscales itself, in float16, Lightning could not clip before.
        plugin = self._trainer.precision_plugin if self._trainer else None
        fused = getattr(plugin, "scaler", None) is None
        optimizer = torch.optim.AdamW(
            self.parameters(), lr=self.lr, weight_decay=self.weight_decay, fused=fused
        )
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, self.lr_decay)
        return {"optimizer": optimizer, "lr_scheduler": schedule}


def seed_dropout(device: torch.device, seed: int) -> None:
    """Seed the device's own generator, since dropout takes no other.

    `torch.manual_seed` would seed those of all kinds of devices. For each kind that the machine
    lacks it keeps the call, with a trace of the stack: a millisecond and some memory a step.
    """
    if device.type == "cpu":
        torch.default_generator.manual_seed(seed)
    else:
        torch.get_device_module(device).manual_seed(seed)


def require_sizes(**sizes: int | list[int]) -> None:
    """Raises ValueError where the size of a layer, or one in a list of them, is none."""
    for name, value in sizes.items():
        widths = value if isinstance(value, list) else [value]
        if not widths or min(widths) < 1 or max(widths) > WIDEST:
            raise ValueError(f"{name} must be in [1, {WIDEST:,}], got {value}")
