"""The weights that ship: a safetensors file and a model card for each name.

`prepare` and `ship` made them. The cards have the commands.
"""

import os
from pathlib import Path

from groundwork.files import expand

FOLDER = Path(__file__).parent
SUFFIX = ".safetensors"


def names() -> list[str]:
    """Return the names of the weights that ship."""
    return sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}"))


def located(given: str | os.PathLike[str]) -> Path:
    """Return the file of weights that ship if their name is given, else the path that is given.

    A file that has such a name itself is meant by `./name`.
    """
    name = os.fspath(given)
    return FOLDER / f"{name}{SUFFIX}" if name in names() else expand(given)
