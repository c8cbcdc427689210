"""What the tests share: real data where it is there, and what the configs in conf/ describe."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image

from groundwork.files import REPOSITORY
from tests.helpers.config_files import parsed_once
from tests.helpers.shared import VARIABLE

if (
    TYPE_CHECKING
):  # it brings torch along, which the process that only starts xdist's has no use for
    from datamodules.mnist import MNISTFormat


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long", action="store_true", help="the long versions of the reliability tests"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of `tests.helpers.shared`; the processes that xdist starts inherit it."""
    if VARIABLE not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="shared_by_tests_", ignore_cleanup_errors=True)
        config.add_cleanup(folder.cleanup)
        os.environ[VARIABLE] = folder.name


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="many processes: with --long only"))


@pytest.fixture(scope="session", autouse=True)
def _config_files_are_parsed_once() -> Iterator[None]:
    """Composing a config, which hundreds of tests do, takes four fifths of the time with this."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OmegaConf, "load", staticmethod(parsed_once(OmegaConf.load)))
        yield


@pytest.fixture
def long(request: pytest.FixtureRequest) -> bool:
    """Say whether the long versions of the reliability tests are to run."""
    return bool(request.config.getoption("--long"))


def missing_files(dataset: type[MNISTFormat]) -> list[str]:
    """Return those of the dataset's files that are in the repository's data folder in no form."""
    folder = REPOSITORY / "data" / dataset.__name__ / "raw"
    return [
        name
        for name in dataset.checksums
        if not (folder / name).exists() and not (folder / f"{name}.gz").exists()
    ]


@pytest.fixture(scope="session")
def fashion_mnist_root() -> Path:
    """Return the folder with FashionMNIST/raw. Without it, tests are skipped, but fail in CI."""
    from datamodules.mnist import FashionMNIST

    if missing := missing_files(FashionMNIST):
        reason = f"Fashion-MNIST is not in data/: missing {', '.join(missing)}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return REPOSITORY / "data"


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    """Return the folder that holds MNIST/raw."""
    from datamodules.mnist import MNIST

    if missing := missing_files(MNIST):
        pytest.skip(f"MNIST is not in data/: missing {', '.join(missing)}")
    return REPOSITORY / "data"


@pytest.fixture(scope="session")
def folder_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder of grey and coloured pictures of several sizes, all above 64 pixels."""
    root = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for number in range(6):
        shape = (70 + number, 90 - number, 3)
        pixels = random.integers(256, size=shape[: 3 - number % 2], dtype=np.uint8)
        Image.fromarray(pixels).save(root / f"{number}.png")
    return root


@pytest.fixture(scope="session")
def noisy_folder_root(folder_root: Path) -> Path:
    """Return the same pictures, which are nothing but noise."""
    return folder_root
