"""What the tests share: real data where it is there, and what the configs in conf/ describe."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image
from pytorch_lightning import Trainer

from contract import Batch
from datamodules.mnist import MNIST, FashionMNIST, MNISTFormat
from datamodules.noise import Gaussian, Noise
from datamodules.procedural import Procedural
from denoisers.base import ImageModel
from files import REPOSITORY
from runs.config import build

NUM_CLASSES = 10


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long", action="store_true", help="the long versions of the reliability tests"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="many processes: with --long only"))


@pytest.fixture
def long(request: pytest.FixtureRequest) -> bool:
    """Whether the long versions of the reliability tests are to run."""
    return bool(request.config.getoption("--long"))


def missing_files(dataset: type[MNISTFormat]) -> list[str]:
    """Those of the dataset's files that are in the repository's data folder in no form."""
    folder = REPOSITORY / "data" / dataset.__name__ / "raw"
    return [
        name
        for name in dataset.checksums
        if not (folder / name).exists() and not (folder / f"{name}.gz").exists()
    ]


@pytest.fixture(scope="session")
def fashion_mnist_root() -> Path:
    """The folder that holds FashionMNIST/raw; tests of real data are skipped without it, but in CI
    they fail."""
    if missing := missing_files(FashionMNIST):
        reason = f"Fashion-MNIST is not in data/: missing {', '.join(missing)}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return REPOSITORY / "data"


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    """The folder that holds MNIST/raw."""
    if missing := missing_files(MNIST):
        pytest.skip(f"MNIST is not in data/: missing {', '.join(missing)}")
    return REPOSITORY / "data"


@pytest.fixture(scope="session")
def folder_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of grey and coloured pictures of several sizes, large enough for a crop of 64."""
    root = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for number in range(6):
        shape = (70 + number, 90 - number, 3)
        pixels = random.integers(256, size=shape[: 3 - number % 2], dtype=np.uint8)
        Image.fromarray(pixels).save(root / f"{number}.png")
    return root


def model_config(name: str) -> dict[str, Any]:
    """The model's node in conf/model/, with seed 0."""
    config = OmegaConf.create({"seed": 0})
    config.model = OmegaConf.load(REPOSITORY / "conf" / "model" / f"{name}.yaml")
    return OmegaConf.to_container(config.model, resolve=True)  # type: ignore[return-value]


def new_model(
    name: str, image_shape: tuple[int, int, int] = (1, 28, 28), **settings: Any
) -> ImageModel:
    """A model of conf/model/, some of its settings replaced, with random weights."""
    node = OmegaConf.create(model_config(name) | settings)
    model: ImageModel = build(node, "model", image_shape=image_shape, num_classes=NUM_CLASSES)
    return model


def new_data(noise: Noise | None = None, **settings: Any) -> Procedural:
    """A few procedural images in small batches; splits are loaded."""
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


def random_batch(size: int, image_shape: tuple[int, int, int] = (1, 28, 28)) -> Batch:
    """Uniform random pixels under Gaussian noise, always the same ones."""
    random = torch.Generator().manual_seed(0)
    clean = torch.rand(size, *image_shape, generator=random)
    noisy = clean + 0.5 * torch.randn(clean.shape, generator=random)
    label = torch.randint(NUM_CLASSES, (size,), generator=random)
    return Batch(noisy, clean, label)


def quiet_trainer(**settings: Any) -> Trainer:
    """A Trainer on the CPU that writes and shows nothing."""
    return Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        **settings,
    )
