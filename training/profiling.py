"""Lightning's profilers of a run, with their reports on the terminal and in files."""

from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from pytorch_lightning.profilers import (
    AdvancedProfiler,
    Profiler,
    PyTorchProfiler,
    SimpleProfiler,
)

PROFILERS: dict[str, type[Profiler]] = {
    "simple": SimpleProfiler,
    "advanced": AdvancedProfiler,
    "pytorch": PyTorchProfiler,
}
LONGEST = 100  # lines of a report on the terminal
REPORT = "profile"  # the reports are fit-profile.txt, validate-profile.txt and test-profile.txt


def profiler_into(directory: Path, chosen: Any) -> Profiler | None:
    """Make the profiler of a run. Its reports are in `directory` unless it names another place.

    Args:
        directory: The run's.
        chosen: A name, a node with `_target_`, or None.
    """
    if chosen is None:
        return None
    made = PROFILERS[chosen]() if isinstance(chosen, str) else instantiate(chosen)
    profiler: Profiler = made() if callable(made) and not isinstance(made, Profiler) else made
    if profiler.dirpath is None:
        profiler.dirpath = directory
    if profiler.filename is None:
        profiler.filename = REPORT
    return profiler


def show_reports(profiler: Profiler | None) -> None:
    """Print what a profiler has written."""
    if profiler is None or profiler.dirpath is None:
        return
    for file in sorted(Path(profiler.dirpath).glob(f"*-{profiler.filename}*.txt")):
        lines = file.read_text(encoding="utf-8").strip().splitlines()
        print("", f"{file}:", *lines[:LONGEST], sep="\n")
        if len(lines) > LONGEST:
            print(f"… and {len(lines) - LONGEST:,} more lines")
