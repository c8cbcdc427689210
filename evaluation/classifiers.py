"""Does restoring help the task: accuracy on clean, noisy and restored images."""

from collections import defaultdict
from typing import Any

import torch
from omegaconf import DictConfig
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from datamodules.images import ImageDataModule
from denoisers.base import ImageModel
from denoisers.checkpoint import load_model
from denoisers.classifier import Classifier
from denoisers.composite import Composite
from denoisers.denoiser import Denoiser
from denoisers.metrics import PerImage
from evaluation.noise_curve import Restore
from groundwork.batch import Batch


def task_models(
    cfg: DictConfig, model: ImageModel, data: ImageDataModule
) -> tuple[Classifier | None, Classifier | None]:
    """The classifier that judges the images, and the control that was trained on noisy ones.

    A composite and a classifier bring their own classifier.

    Raises ValueError for a checkpoint of the wrong kind or for other images.
    """
    if cfg.classifier is not None and isinstance(model, Classifier | Composite):
        raise ValueError(f"classifier: a {type(model).__name__} is scored with its own")
    classifier = _load_classifier(cfg.classifier, "clean", "classifier")
    if isinstance(model, Classifier):
        classifier = model
    elif isinstance(model, Composite):
        classifier = model.classifier
    control = _load_classifier(cfg.control, "noisy", "control")
    for name, part in (("checkpoint", model), ("classifier", classifier), ("control", control)):
        if part is not None and not part.takes(data.image_shape):
            raise ValueError(
                f"{name} is for images of {part.image_shape}, the data has {data.image_shape}"
            )
        if isinstance(part, Classifier | Composite) and part.num_classes != data.num_classes:
            raise ValueError(
                f"{name} knows {part.num_classes} classes, the data has {data.num_classes}"
            )
    return classifier, control


def _load_classifier(path: str | None, trained_on: str, name: str) -> Classifier | None:
    if path is None:
        return None
    try:
        model, _ = load_model(path)
    except (FileNotFoundError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from error
    if not isinstance(model, Classifier):
        raise ValueError(f"{name}: {path} holds a {type(model).__name__}, not a classifier")
    if model.input != trained_on:
        raise ValueError(
            f"{name}: {path} was trained on {model.input} images, not on {trained_on} ones"
        )
    return model


def restorer(model: ImageModel, trainer: Trainer) -> Restore | None:
    """What restores a batch of noisy images, in the trainer's precision; None for a classifier."""
    part = model.denoiser if isinstance(model, Composite) else model
    if not isinstance(part, Denoiser):
        return None

    def restore(noisy: Tensor) -> Tensor:
        with trainer.precision_plugin.forward_context():
            return part(noisy).float()

    return restore


INPUTS = {
    "clean": "clean images",
    "noisy": "noisy images",
    "restored": "restored images",
    "control": "noisy images, by the control",
}


class TaskAccuracy(Callback):
    """Keeps the classes that each classifier sees in the test images, in one pass with the model.

    labels: after the test, the true classes: int64 N, in the images' order.
    predicted: after the test, by the names in `INPUTS`, the classes that were seen: int64 N.
    """

    def __init__(
        self, classifier: Classifier | None, control: Classifier | None, num_classes: int
    ) -> None:
        self.classifier = classifier
        self.control = control
        self.num_classes = num_classes
        self.labels = torch.empty(0, dtype=torch.int64)
        self.predicted: dict[str, Tensor] = {}

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._batches: defaultdict[str, list[Tensor]] = defaultdict(list)
        for model in (self.classifier, self.control):
            if model is not None:
                model.to(pl_module.device).eval()

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """outputs: what the model's `forward` gave for the noisy images."""
        seen = {}
        if self.classifier is not None:
            seen["clean"] = self.classifier(batch.clean)
            seen["noisy"] = self.classifier(batch.noisy)
            if isinstance(pl_module, Composite):
                seen["restored"] = outputs[1]
            elif not isinstance(pl_module, Classifier):
                seen["restored"] = self.classifier(outputs.float())
        if self.control is not None:
            seen["control"] = self.control(batch.noisy)
        self._batches["labels"].append(batch.label)
        for name, logits in seen.items():
            self._batches[name].append(logits.argmax(1))

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.predicted = {name: torch.cat(parts).cpu() for name, parts in self._batches.items()}
        self.labels = self.predicted.pop("labels")
        # Back to where Lightning leaves the model.
        for model in (self.classifier, self.control):
            if model is not None:
                model.cpu()

    def accuracies(self) -> dict[str, float]:
        """The share of the test images that was classified rightly, by the names in `INPUTS`."""
        return {name: right.double().mean().item() for name, right in self.right().items()}

    def right(self) -> dict[str, Tensor]:
        """Whether each image was classified rightly, by the names in `INPUTS`: bool N."""
        return {name: seen == self.labels for name, seen in self.predicted.items()}

    def matrices(self) -> dict[str, Tensor]:
        """Confusion matrices by the names in `INPUTS`: int64 K x K, the true class by row."""
        size = self.num_classes
        return {
            name: (self.labels * size + seen).bincount(minlength=size**2).view(size, size)
            for name, seen in self.predicted.items()
        }


class PerImageScores(Callback):
    """Keeps the measures of every test image, which the model only gives the means of.

    values: after the test, by the metric's name, such as "psnr" and "noisy_psnr": float32 N, in the
        images' order.
    """

    def __init__(self) -> None:
        self.values: dict[str, Tensor] = {}

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Callbacks are called before the model, which resets its metrics."""
        assert isinstance(pl_module, ImageModel)
        for metrics in pl_module.stage_metrics("test"):
            for name, metric in metrics.items():
                if isinstance(metric, PerImage):
                    self.values[name] = metric.per_image().cpu()
