"""What the reports of training and of evaluation have in common."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from groundwork.files import write_whole
from groundwork.measures import NOISY
from reporting.terminal import Terminal


def of_stage(stage: str, metrics: dict[str, float]) -> dict[str, float]:
    """Return the metrics of a stage by their own names: "psnr", not "test/psnr"."""
    return {n.split("/")[1]: v for n, v in metrics.items() if n.startswith(f"{stage}/")}


def which_images(images: dict[str, Any], split: str) -> str:
    """Return "2,000 test images", or "first 256 of 2,000 test images" where the rest was left out.

    Args:
        images: "of", how many the split has, and "scored", how many of them were scored. None
            stands in files of older versions, which did not count them.
        split: The split's name.
    """
    scored, total = images["scored"], images["of"]
    if scored is None:
        return f"an unknown number of {total:,} {split} images"
    part = f"first {scored:,} of " if scored < total else ""
    return f"{part}{total:,} {split} images"


def noisy_input(test: dict[str, float]) -> dict[str, float]:
    """Return the metrics of the noisy images by their own names: "psnr", not "noisy_psnr"."""
    return {n.removeprefix(NOISY): value for n, value in test.items() if n.startswith(NOISY)}


def show(title: str, parts: Sequence[Table | str], directory: Path) -> None:
    """Print tables and lines, keep them as `metrics.txt`, and say where everything is."""
    console = Terminal(record=True, width=None if sys.stdout.isatty() else 120)
    console.print(f"\n[bold]{title}[/bold]", *parts, sep="\n", highlight=False)
    write_whole(directory / "metrics.txt", console.export_text())
    shown = directory.relative_to(Path.cwd()) if directory.is_relative_to(Path.cwd()) else directory
    print(f"Everything is in {shown}")
