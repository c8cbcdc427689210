"""The page in a real browser: each file of web/tests/browser is a test here."""

import os
import subprocess
from pathlib import Path

import pytest

from groundwork.files import REPOSITORY

WEB = REPOSITORY / "web"
FILES = sorted((WEB / "tests" / "browser").rglob("*.test.ts"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_in_a_browser(file: Path, page: dict[str, str]) -> None:
    done = subprocess.run(
        [WEB / "node_modules" / ".bin" / "vitest", "run", file.relative_to(WEB)],
        cwd=WEB,
        env=os.environ | page,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
