"""What tests of odd images share."""

import csv
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.helpers.runs import json_of


def numbers(content: Any) -> Iterator[float]:
    """Return all numbers in nested plain containers."""
    if isinstance(content, dict):
        for value in content.values():
            yield from numbers(value)
    elif isinstance(content, list):
        for value in content:
            yield from numbers(value)
    elif isinstance(content, int | float):
        yield content


def assert_no_nan(directory: Path) -> None:
    """Check that no file of a run has NaN, for people or for programs."""
    written = 0
    for file in directory.rglob("*"):
        if file.suffix == ".json":
            assert all(map(math.isfinite, numbers(json_of(file)))), file
        elif file.suffix == ".csv":
            for row in csv.reader(file.open()):
                assert not {"nan", "inf", "-inf"} & set(map(str.lower, row)), file
        elif file.suffix in (".txt", ".md", ".html"):
            text = re.sub(r"data:image/png;base64,[^\"']*", "", file.read_text())
            assert not re.search(r"(?i)\b(nan|inf)\b", text), file
        else:
            continue
        written += 1
    assert written > 1
