"""The data and the model that train.py has, for contenders that do not use train.py."""

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from cli.config import build
from datamodules.images import ImageDataModule
from denoisers.base import ImageModel
from groundwork.files import REPOSITORY


def composed(overrides: list[str]) -> DictConfig:
    with initialize_config_dir(str(REPOSITORY / "conf"), version_base="1.3"):
        return compose("train", overrides)


def data_and_model(overrides: list[str]) -> tuple[ImageDataModule, ImageModel]:
    """Build the data, set up for training, and a new model."""
    cfg = composed(overrides)
    data = build(cfg.data, "data", noise=build(cfg.noise, "noise"))
    data.prepare_data()
    data.setup("fit")
    model = build(cfg.model, "model", image_shape=data.image_shape, num_classes=data.num_classes)
    return data, model
