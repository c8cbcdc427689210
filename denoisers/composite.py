"""A denoiser followed by a classifier, in one module.

B images of C channels, K classes:  noisy B C H W -> restored B C H W -> logits B K
"""

from typing import Annotated, Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor
from torchmetrics import MetricCollection

from denoisers.base import ImageModel, LossOutput, Stage
from denoisers.checkpoint import build_model, describe, load_model
from denoisers.classifier import Classifier
from denoisers.denoiser import Denoiser
from denoisers.optimizer import OptimizerSettings
from groundwork.batch import Batch
from groundwork.ranges import require_ranges


class Composite(ImageModel):
    """forward(noisy) -> (restored, logits): B C H W in [0, 1], and B K.

    Args:
        denoiser, classifier: The parts, as `denoisers.checkpoint.describe` gives them. They have
            new weights; `assemble` loads trained ones.
        finetune: Train both parts. Otherwise they stay as they are.
        class_weight: Weight of the cross-entropy, in nats per image. The denoiser's own loss has 1.
        optimizer, seed: See `ImageModel`.

    Attributes:
        split: Fingerprint of the validation split that both parts held out. `None` if unknown.
    """

    monitor = "val/accuracy"
    denoiser: Denoiser
    classifier: Classifier
    split: str | None = None

    def __init__(
        self,
        denoiser: dict[str, Any],
        classifier: dict[str, Any],
        finetune: bool,
        class_weight: Annotated[float, Field(ge=0)],
        optimizer: OptimizerSettings,
        seed: int,
    ) -> None:
        super().__init__(optimizer, seed)
        self.save_hyperparameters()
        require_ranges(Composite.__init__, locals())
        restorer, judge = build_model(**denoiser), build_model(**classifier)
        assert isinstance(restorer, Denoiser)
        assert isinstance(judge, Classifier)
        self.denoiser = restorer
        self.classifier = judge
        self.finetune = finetune
        self.class_weight = class_weight
        self.image_shape = self.denoiser.image_shape
        self.num_classes = self.classifier.num_classes
        if not finetune:
            self.requires_grad_(False)

    def forward(self, noisy: Tensor) -> tuple[Tensor, Tensor]:
        restored = self.denoiser(noisy)
        return restored, self.classifier(restored)

    def encode(self, noisy: Tensor) -> Tensor:
        return self.denoiser.encode(noisy)

    def loss_of(self, batch: Batch, random: torch.Generator) -> LossOutput:
        terms, restored = self.denoiser.loss_of(batch, random)
        if restored is None:
            restored = self.denoiser(batch.noisy)
        logits = self.classifier(restored)
        cross_entropy = F.cross_entropy(logits, batch.label)
        loss = terms["loss"] + self.class_weight * cross_entropy
        return LossOutput(
            terms | {"loss": loss, "cross_entropy": cross_entropy}, (restored, logits)
        )

    def update_metrics(self, stage: Stage, output: tuple[Tensor, Tensor], batch: Batch) -> None:
        restored, logits = output
        self.denoiser.update_metrics(stage, restored, batch)
        self.classifier.update_metrics(stage, logits, batch)

    def stage_metrics(self, stage: Stage) -> list[MetricCollection]:
        return self.denoiser.stage_metrics(stage) + self.classifier.stage_metrics(stage)


def assemble(
    denoiser: str,
    classifier: str,
    finetune: bool,
    class_weight: float,
    optimizer: OptimizerSettings,
    seed: int,
    image_shape: tuple[int, int, int],
    num_classes: int,
) -> Composite:
    """Make a composite of two trained parts.

    Args:
        denoiser, classifier: Paths of their checkpoints. The composite does not keep them.
        finetune, class_weight, optimizer, seed: See `Composite`.
        image_shape, num_classes: Of the data, which both parts have to fit.

    Raises:
        ValueError: A part cannot be loaded, is of the wrong kind, or does not fit the other part or
            the data.
    """
    parts: dict[str, ImageModel] = {}
    splits = {}
    for name, path, kind in (
        ("denoiser", denoiser, Denoiser),
        ("classifier", classifier, Classifier),
    ):
        try:
            parts[name], run = load_model(path)
        except (OSError, ValueError) as error:
            raise ValueError(f"{name}: {error}") from error
        splits[name] = run["split"]
        found = type(parts[name]).__name__
        if not isinstance(parts[name], kind):
            raise ValueError(f"{name} must be a checkpoint of a {name}, but {path} holds a {found}")
        if parts[name].image_shape != image_shape:
            raise ValueError(
                f"{name} is for images of {parts[name].image_shape}, the data has {image_shape}"
            )
    if parts["classifier"].input != "clean":
        raise ValueError(
            f"classifier must be trained on clean images, {classifier} was on noisy ones"
        )
    if parts["classifier"].num_classes != num_classes:
        raise ValueError(
            f"classifier knows {parts['classifier'].num_classes} classes, the data has "
            f"{num_classes}"
        )
    if splits["denoiser"] != splits["classifier"]:
        raise ValueError(
            "denoiser and classifier held out different validation images: what one has trained "
            "on would validate the other"
        )
    composite = Composite(
        describe(parts["denoiser"]),
        describe(parts["classifier"]),
        finetune,
        class_weight,
        optimizer,
        seed,
    )
    composite.denoiser.load_state_dict(parts["denoiser"].state_dict())
    composite.classifier.load_state_dict(parts["classifier"].state_dict())
    composite.split = splits["denoiser"]
    return composite
