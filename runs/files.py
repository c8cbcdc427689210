"""Files that are there whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any


def write_whole(path: Path, text: str) -> None:
    """Write beside the file and rename, so that no reader and no crash meets a half of it."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Numbers that JSON does not have (NaN, infinities) are refused."""
    write_whole(path, json.dumps(content, indent=2, allow_nan=False) + "\n")
