"""How images are scored: measured against the clean ones, shown to a classifier, and timed.

The test of the model, the baselines and the noise curve all gather their numbers in `Scores`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback
from torch import Tensor
from torchmetrics import MetricCollection

from datamodules.images import EVAL_BATCHES, ImageDataModule
from denoisers.base import ImageModel
from denoisers.classifier import Classifier
from denoisers.composite import Composite
from denoisers.denoiser import Denoiser
from denoisers.metrics import PerImage, restoration_metrics
from denoisers.symmetries import Restore, over_symmetries, require_turnable
from groundwork.batch import Batch
from groundwork.measures import in_order


class Scores:
    """The scores of images, gathered batch by batch.

    Args:
        metrics: Measure each image against the clean one. They may belong to a model, which updates
            them itself.
        classifier: What the images are shown to, if anything.

    Attributes:
        seconds: How long restoring the images took, where that was measured.
    """

    def __init__(self, metrics: MetricCollection, classifier: Classifier | None) -> None:
        self.metrics = metrics
        self.classifier = classifier
        self.seconds = 0.0
        self._labels: list[Tensor] = []
        self._predicted: list[Tensor] = []

    def add(self, images: Tensor, batch: Batch) -> None:
        """Measure and classify what became of the images of a batch."""
        self.metrics.update(images, batch.clean)
        self.classify(images, batch.label)

    def classify(self, images: Tensor, label: Tensor, logits: Tensor | None = None) -> None:
        """Show images to the classifier.

        Args:
            images: B C H W.
            label: The true classes, int64 B.
            logits: What the classifier says of the images, where that is known already: B K.
        """
        self._labels.append(label)
        if self.classifier is not None:
            self._predicted.append(
                (self.classifier(images) if logits is None else logits).argmax(1)
            )

    @property
    def values(self) -> dict[str, Tensor]:
        """The measures of every image by their names, such as "psnr": float32 N, on the CPU."""
        metrics = dict(self.metrics.items(keep_base=True))  # sorted by the alphabet
        return {
            name: metric.per_image().cpu()
            for name in in_order(set(metrics))
            if isinstance(metric := metrics[name], PerImage)
        }

    @property
    def labels(self) -> Tensor:
        """The true classes: int64 N, on the CPU."""
        return torch.cat(self._labels).cpu()

    @property
    def predicted(self) -> Tensor | None:
        """The classes that the classifier sees: int64 N, on the CPU. None without a classifier."""
        return torch.cat(self._predicted).cpu() if self._predicted else None

    @property
    def right(self) -> Tensor | None:
        """Whether each image was classified rightly: bool N. None without a classifier."""
        return None if self.predicted is None else self.predicted == self.labels

    @property
    def ms_per_image(self) -> float:
        return 1000 * self.seconds / len(self.labels)

    def means(self) -> dict[str, Any]:
        """Return the means of the measures, "accuracy" with a classifier, and "images", how many.

        PSNR is in dB, the accuracy in [0, 1].
        """
        means = {name: values.double().mean().item() for name, values in self.values.items()}
        if self.right is not None:
            means["accuracy"] = self.right.double().mean().item()
        return means | {"images": len(self.labels)}


@dataclass(frozen=True)
class Scorer:
    """Scores what a method restores.

    Attributes:
        measures: What images are measured by, names in `denoisers.metrics.FUNCTIONS`.
        classifier: What restored images are shown to, on the device.
        device: Where the images are.
    """

    measures: Sequence[str]
    classifier: Classifier | None
    device: torch.device

    @torch.inference_mode()
    def score(self, restore: Restore, data: ImageDataModule, count: int) -> Scores:
        """Restore and score the first `count` images of the test split."""
        scores = Scores(restoration_metrics(self.measures), self.classifier)
        index = torch.arange(count, device=self.device)
        for part in index.split(EVAL_BATCHES * data.batch_size):
            batch = data.eval_batch(data.test_split, part)
            start = time.perf_counter()
            restored = restore(batch.noisy)
            if self.device.type == "cuda":
                torch.cuda.synchronize(self.device)
            scores.seconds += time.perf_counter() - start
            scores.add(restored, batch)
        return scores


class ScoredTest(Callback):
    """Scores a model's test in the one pass that the Trainer makes of it.

    The model itself measures the noisy and the restored images; the classifiers are shown them
    here. Images that are averaged over symmetries are measured here too.

    Args:
        model: What is tested.
        measures: What it is to measure images by, names in `denoisers.metrics.FUNCTIONS`.
        classifier: What the clean, the noisy and the restored images are shown to.
        control: What the noisy images are shown to, to compare with.
        symmetries: 1, or 8 to average what is restored over them.

    Attributes:
        measures: As given.
        scores: After the test, by the names in `evaluation.task_accuracy.INPUTS`. The noisy images
            are always there, others where the model or a classifier has something to say of them.
    """

    def __init__(
        self,
        model: ImageModel,
        measures: Sequence[str],
        classifier: Classifier | None,
        control: Classifier | None,
        symmetries: int,
    ) -> None:
        self.measures = measures
        self.symmetries = symmetries
        self.scores: dict[str, Scores] = {}
        unmeasured = restoration_metrics(())
        if classifier is not None:
            self.scores["clean"] = Scores(unmeasured, classifier)
        if denoiser := denoiser_of(model):
            denoiser.measure_by(measures)
            restored, noisy, *_ = denoiser.stage_metrics("test")
            if symmetries > 1:
                restored = restoration_metrics(measures)
            self.scores["noisy"] = Scores(noisy, classifier)
            self.scores["restored"] = Scores(restored, classifier)
        else:
            self.scores["noisy"] = Scores(unmeasured, classifier)
        if control is not None:
            self.scores["control"] = Scores(unmeasured, control)

    def on_test_start(self, trainer: Trainer, pl_module: ImageModel) -> None:  # type: ignore[override]
        for scores in self.scores.values():
            if scores.classifier is not None:
                scores.classifier.to(pl_module.device).eval()
        if denoiser := denoiser_of(pl_module):
            self._restore = restorer(denoiser, trainer, self.symmetries)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Classify the images of a batch.

        Args:
            outputs: What the model's `forward` gave for the noisy images.
        """
        restored, logits = outputs if isinstance(pl_module, Composite) else (outputs, None)
        for name, scores in self.scores.items():
            if name != "restored":
                scores.classify(batch.clean if name == "clean" else batch.noisy, batch.label)
            elif self.symmetries == 1:
                scores.classify(restored.float(), batch.label, logits)
            else:
                scores.add(self._restore(batch.noisy), batch)


def denoiser_of(model: ImageModel) -> Denoiser | None:
    """Return the part of a model that restores images. A classifier has none."""
    part = model.denoiser if isinstance(model, Composite) else model
    return part if isinstance(part, Denoiser) else None


def require_symmetries(model: ImageModel, symmetries: int) -> None:
    """Refuse a model whose images cannot be averaged over so many symmetries.

    Raises:
        ValueError: It restores none, or cannot restore them rotated.
    """
    if symmetries > 1 and denoiser_of(model) is None:
        raise ValueError(f"symmetries={symmetries}: a {type(model).__name__} restores no images")
    if symmetries > 1:
        require_turnable(model)


def restorer(denoiser: Denoiser, trainer: Trainer, symmetries: int) -> Restore:
    """Return what restores a batch of noisy images in the trainer's precision.

    Args:
        denoiser: The network.
        trainer: Has the precision.
        symmetries: 1, or 8 to average over them.
    """

    def restore(noisy: Tensor) -> Tensor:
        with trainer.precision_plugin.forward_context():
            return denoiser(noisy).float()

    return restore if symmetries == 1 else over_symmetries(restore)
