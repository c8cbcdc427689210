"""The classifiers that judge the images of an evaluation."""

from omegaconf import DictConfig

from datamodules.images import ImageDataModule
from denoisers.base import ImageModel
from denoisers.checkpoint import load_model
from denoisers.classifier import Classifier
from denoisers.composite import Composite


def task_models(
    cfg: DictConfig, model: ImageModel, data: ImageDataModule
) -> tuple[Classifier | None, Classifier | None]:
    """Load the classifier that judges the images, and the control that was trained on noisy ones.

    A composite and a classifier bring their own classifier.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: A checkpoint is of the wrong kind, or for other images than the data's.
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
