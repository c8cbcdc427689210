"""Short names of configurations: the model, and the settings that set them apart."""

import itertools
from collections.abc import Sequence

from comparison.results import Run
from comparison.settings import Settings


def labels(runs: Sequence[Run], without: str | None = None) -> dict[str, str]:
    """Return the labels of runs: the model, and the settings in which the configurations differ.

    The settings of a class (a model, a noise) are compared among runs of that class.

    Args:
        runs: The runs.
        without: A group of settings that labels leave out, such as "noise".

    Returns:
        Labels by run_id.
    """
    found = {}
    for run in runs:
        parts = [run.model]
        for name, value in run.settings.items():
            group = name.partition(".")[0]
            values = {
                other.settings.get(name)
                for other in runs
                if name == group or other.settings.get(group) == run.settings.get(group)
            }
            if name != "model" and len(values) > 1 and group != without:
                text = _distinct(short(name, value), [v for v in values if v is not None])
                parts.append(f"{name.removeprefix('model.')}={text}")
        found[run.run_id] = ", ".join(parts)
    return found


def _distinct(value: str, values: Sequence[str]) -> str:
    """Return a path without the folders that all the values begin or end with."""
    paths = [other.split("/") for other in values]
    begin = _common_parts(paths)
    end = _common_parts([path[::-1] for path in paths])
    parts = value.split("/")
    return "/".join(parts[begin : len(parts) - end]) or value


def _common_parts(paths: Sequence[Sequence[str]]) -> int:
    """Count the parts that all paths begin with."""
    alike = (len(set(parts)) == 1 for parts in zip(*paths, strict=False))
    return sum(itertools.takewhile(bool, alike))


def noise_name(noise: Settings) -> str:
    """Return a name such as "Gaussian, std=0.5, clip=true"."""
    return ", ".join(
        f"{name.partition('.')[2]}={value}" if "." in name else short(name, value)
        for name, value in noise.items()
    )


def short(name: str, value: str) -> str:
    """Return a class without its module. A class is a setting that has the name of its group."""
    return value if "." in name else value.rpartition(".")[2]
