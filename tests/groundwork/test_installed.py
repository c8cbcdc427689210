"""`pip install -e .` makes four packages importable in any folder, and no others."""

import subprocess
import sys
from pathlib import Path

from tests.helpers.runs import DENSE, trained

SCRIPT = """
import importlib.util, sys
from denoisers.checkpoint import load_model

model, run = load_model(sys.argv[1])
print(type(model).__name__, run["seed"], type(load_model("photo")[0]).__name__)
print([name for name in sys.argv[2:] if importlib.util.find_spec(name)])
"""
NOBODYS = (
    "cli",
    "compare",
    "denoise",
    "eval",
    "export",
    "files",
    "runs",
    "tests",
    "train",
    "training",
)


def test_a_model_is_loaded_in_any_folder_and_no_name_is_taken(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(trained(*DENSE).best), *NOBODYS]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PATH": ""}, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["Dense 0 ResidualUNet", "[]"]
