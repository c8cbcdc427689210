"""Does restoring help the task: accuracy on clean, noisy and restored images."""

from typing import Any

import torch
from omegaconf import DictConfig
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback

from contract import Batch
from datamodules.images import ImageDataModule
from denoisers.base import ImageModel
from denoisers.checkpoint import load_model
from denoisers.classifier import Classifier
from denoisers.composite import Composite


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
        if part is not None and part.image_shape != data.image_shape:
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
    model, _ = load_model(path)
    if not isinstance(model, Classifier):
        raise ValueError(f"{name}: {path} holds a {type(model).__name__}, not a classifier")
    if model.input != trained_on:
        raise ValueError(
            f"{name}: {path} was trained on {model.input} images, not on {trained_on} ones"
        )
    return model


INPUTS = {
    "clean": "clean images",
    "noisy": "noisy images",
    "restored": "restored images",
    "control": "noisy images, by the control",
}


class TaskAccuracy(Callback):
    """Counts the classes that each classifier sees in the test images, in one pass with the model.

    matrices: after the test, by the names in `INPUTS`, confusion matrices: int64 K x K, the true
        class by row.
    """

    def __init__(
        self, classifier: Classifier | None, control: Classifier | None, num_classes: int
    ) -> None:
        self.classifier = classifier
        self.control = control
        self.num_classes = num_classes
        self.matrices: dict[str, torch.Tensor] = {}

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
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
        if self.classifier is not None:
            self._count("clean", self.classifier(batch.clean), batch)
            self._count("noisy", self.classifier(batch.noisy), batch)
            if isinstance(pl_module, Composite):
                self._count("restored", outputs[1], batch)
            elif not isinstance(pl_module, Classifier):
                self._count("restored", self.classifier(outputs.float()), batch)
        if self.control is not None:
            self._count("control", self.control(batch.noisy), batch)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Back to where Lightning leaves the model."""
        for model in (self.classifier, self.control):
            if model is not None:
                model.cpu()

    def _count(self, name: str, logits: torch.Tensor, batch: Batch) -> None:
        cells = batch.label * self.num_classes + logits.argmax(1)
        counts = cells.bincount(minlength=self.num_classes**2)
        self.matrices[name] = self.matrices.get(name, 0) + counts.view(
            self.num_classes, self.num_classes
        )

    def accuracies(self) -> dict[str, float]:
        """The share of the test images that was classified rightly, by the names in `INPUTS`."""
        return {
            name: (matrix.trace() / matrix.sum()).item() for name, matrix in self.matrices.items()
        }
