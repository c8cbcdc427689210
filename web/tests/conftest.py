"""What the tests of the page share: a page of tiny models, and what Python computes with them."""

import os
import shutil
from pathlib import Path

import pytest

from groundwork.files import REPOSITORY
from tests.conftest import pytest_configure  # noqa: F401  makes the folder of the trained models
from web.tests.expected import write_expected
from web.tests.tiny_page import write_tiny_page

WEB = REPOSITORY / "web"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


def missing() -> str | None:
    """Return what this machine lacks to run the page, and how to get it."""
    if shutil.which("node") is None:
        return "Node is not installed: nodejs.org has it"
    if not (WEB / "node_modules").is_dir():
        return "web/node_modules is missing: make test-page installs it"
    if not (WEB / "dist" / "index.html").is_file():
        return "web/dist is not built: make test-page builds it"
    if not Path(CHROMIUM).is_file():
        return f"{CHROMIUM} is not installed: install Chromium, or set CHROMIUM to its path"
    return None


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Write a page, and return the environment of the tests that look at it."""
    if reason := missing():
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("laboratory")
    checkpoints = write_tiny_page(folder / "page")
    expected = write_expected(folder / "expected", folder / "page", checkpoints)
    return {"PAGE": str(folder / "page"), "EXPECTED": str(expected), "CHROMIUM": CHROMIUM}
