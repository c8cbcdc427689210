"""Fixtures of the tests of restoration."""

from pathlib import Path

import pytest

from tests.helpers.pictures import save
from tests.helpers.restoring import pixels


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("folder")
    for name in ("in/a.png", "in/b/c.png", "in/b/c.jpg", "in/c.png", "old/a.png"):
        save(folder / name, pixels(1))
    (folder / "empty").mkdir()
    return folder
