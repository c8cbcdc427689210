"""Config files are parsed once. Each composition reads some 14 of them, Hydra's own among them."""

import copy
import os
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import IO, Any

Parsed = Any  # DictConfig or ListConfig


def parsed_once(parse: Callable[[Any], Parsed]) -> Callable[[str | Path | IO[Any]], Parsed]:
    """Return what does the same as `OmegaConf.load`, but parses a file again only if it changes."""
    parsed: dict[Hashable, Parsed] = {}

    def load(file_: str | Path | IO[Any]) -> Parsed:
        place = file_ if isinstance(file_, str | Path) else file_.fileno()
        status = os.stat(place)
        version = status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
        if version not in parsed:
            parsed[version] = parse(file_)
        return copy.deepcopy(parsed[version])

    return load
