"""Small models, data and trainers, made from the configs in conf/."""

import inspect
from functools import cache
from typing import Any

import torch
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer
from torch import Tensor

from cli.config import build
from datamodules.noise import Gaussian, Noise
from datamodules.procedural import Procedural
from denoisers.base import ImageModel
from denoisers.checkpoint import build_model, describe
from denoisers.classifier import Classifier
from denoisers.composite import Composite
from denoisers.denoiser import Denoiser
from groundwork.batch import Batch
from groundwork.files import REPOSITORY

NUM_CLASSES = 10
Shape = tuple[int, int, int]  # C H W


@cache
def _model_node(name: str) -> DictConfig:
    config = OmegaConf.create({"seed": 0})
    config.model = OmegaConf.load(REPOSITORY / "conf" / "model" / f"{name}.yaml")
    node: DictConfig = config.model
    return node


def model_config(name: str) -> dict[str, Any]:
    """Return a model's node in conf/model/, with seed 0."""
    return OmegaConf.to_container(_model_node(name), resolve=True)  # type: ignore[return-value]


def new_model(name: str, image_shape: Shape = (1, 28, 28), **settings: Any) -> ImageModel:
    """Make a model of conf/model/ with random weights. Settings replace the config's."""
    node = OmegaConf.merge(model_config(name), settings)
    assert isinstance(node, DictConfig)
    model: ImageModel = build(node, "model", image_shape=image_shape, num_classes=NUM_CLASSES)
    return model


def new_data(noise: Noise | None = None, **settings: Any) -> Procedural:
    """Make a few procedural images in small batches, with all splits loaded."""
    defaults: dict[str, Any] = {
        "train_size": 50,
        "val_size": 20,
        "test_size": 20,
        "data_seed": 0,
        "batch_size": 16,
        "eval_seed": 0,
        "num_workers": 0,
        "seed": 0,
    }
    data = Procedural(noise or Gaussian(std=0.5, clip=True), **defaults | settings)
    data.setup("fit")
    data.setup("test")
    return data


def random_batch(size: int, image_shape: Shape = (1, 28, 28)) -> Batch:
    """Return uniform random pixels under Gaussian noise, always the same ones."""
    random = torch.Generator().manual_seed(0)
    clean = torch.rand(size, *image_shape, generator=random)
    noisy = clean + 0.5 * torch.randn(clean.shape, generator=random)
    label = torch.randint(NUM_CLASSES, (size,), generator=random)
    return Batch(noisy, clean, label)


def quiet_trainer(**settings: Any) -> Trainer:
    """Make a Trainer on the CPU that writes and shows nothing."""
    return Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        **settings,
    )


def model_class(name: str) -> Any:
    return get_object(model_config(name)["_target_"])


CONFIGS = sorted(file.stem for file in (REPOSITORY / "conf" / "model").glob("*.yaml"))
SINGLE = [name for name in CONFIGS if inspect.isclass(model_class(name))]
DENOISERS = [name for name in SINGLE if issubclass(model_class(name), Denoiser)]
COMPOSITES = [f"{name}+classifier" for name in DENOISERS]


def new_composite(denoiser: ImageModel, classifier: ImageModel, **settings: Any) -> Composite:
    arguments: dict[str, Any] = {
        "finetune": True,
        "class_weight": 10.0,
        "optimizer": {
            "lr": 1e-3,
            "schedule": "exponential",
            "lr_decay": 1.0,
            "warmup": 0.0,
            "weight_decay": 0.0,
            "muon_lr": None,
        },
        "seed": 0,
    }
    return Composite(describe(denoiser), describe(classifier), **arguments | settings)


def any_model(name: str, image_shape: Shape = (1, 28, 28)) -> ImageModel:
    """Make a model by its config's name, or a composite of two: "dense+classifier"."""
    first, *rest = (new_model(part, image_shape) for part in name.split("+"))
    return new_composite(first, *rest) if rest else first


def narrow_model(name: str, image_shape: Shape = (1, 28, 28)) -> ImageModel:
    """Make what `any_model` makes, with all its layers, a quarter as wide, and no checks."""
    first, *rest = (_narrow_part(part, image_shape) for part in name.split("+"))
    return new_composite(first, *rest) if rest else first


def _narrow_part(name: str, image_shape: Shape) -> ImageModel:
    arguments = model_config(name)
    target = arguments.pop("_target_")
    for key in arguments.keys() & {"channels", "hidden", "latent_dim", "width"}:
        value = arguments[key]
        arguments[key] = [width // 4 for width in value] if isinstance(value, list) else value // 4
    given = {"image_shape": image_shape, "num_classes": NUM_CLASSES}
    taken = inspect.signature(model_class(name)).parameters
    return build_model(target, arguments | {key: given[key] for key in given if key in taken})


def images_and_logits(model: ImageModel, noisy: Tensor) -> tuple[Tensor | None, Tensor | None]:
    output = model(noisy)
    if isinstance(model, Composite):
        return output[0], output[1]
    return (None, output) if isinstance(model, Classifier) else (output, None)


def new_generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
