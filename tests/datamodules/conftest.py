"""Fixtures of the tests of data modules."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.mnist import Mirror, SmallFiles, mirror
from tests.helpers.picture_folder import pixels
from tests.helpers.pictures import save


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pictures")
    for number in range(5):
        save(root / f"{number}.png", pixels(30, 40 + number, seed=number))
    return root


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """Serve the only mirror of `Small`."""
    with mirror() as server:
        monkeypatch.setattr(SmallFiles, "mirrors", [server.url])
        yield server
