"""How well real noise is taken away: photographs and micrographs, each with a clean twin.

    python -m benchmarks.real_noise --root pictures/
    python -m benchmarks.real_noise mine=best.ckpt --root pictures/ --sets PolyU

Models restore as denoise.py does. BM3D is told the strength of the noise that is best for it. That
is chosen on every other pair of a set, and the scores are on the others.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.command import one_line
from benchmarks.machine import machine
from groundwork.files import expand, write_json, write_whole
from groundwork.machine import tune_process

# torch is imported inside the functions: it must find the threads set.
if TYPE_CHECKING:
    import numpy as np

    from reporting.tables import Table

PROGRAM = "python -m benchmarks.real_noise"
# By the set: the pattern of the noisy files, and what turns their paths into those of the twins.
SETS = {
    "PolyU": ("*_real.JPG", ("_real.JPG", "_mean.JPG")),
    "confocal": ("noisy/*.tif", ("noisy/", "clean/")),
}
STRENGTHS = (0.005, 0.01, 0.02, 0.03, 0.045, 0.07, 0.1)  # of BM3D, from black to white
MIDDLE = 128  # pixels a side of the middle of a picture, on which BM3D's strength is chosen
NOISY, BM3D = "noisy", "BM3D, best strength"


class Pair(NamedTuple):
    """A noisy picture and its clean twin, float32 C H W in [0, 1]."""

    name: str
    noisy: np.ndarray
    clean: np.ndarray


def pairs_of(root: Path, name: str) -> list[Pair]:
    """Read the pairs of a set, in the order of their names.

    Raises:
        FileNotFoundError: The folder, a picture in it or a twin is absent.
        ValueError: A picture cannot be read or differs in size from its twin, or there is one pair.
    """
    from datamodules.reading import ranges_of, read_pictures

    pattern, (old, new) = SETS[name]
    noisy = sorted((root / name).glob(pattern))
    if not noisy:
        raise FileNotFoundError(f"{root / name} has no pictures {pattern}")
    twins = [
        root / name / path.relative_to(root / name).as_posix().replace(old, new) for path in noisy
    ]
    ranges = ranges_of([*noisy, *twins], "auto")
    channels = 3 if name == "PolyU" else 1
    read = [
        scaled(picture.samples[0]) for picture in read_pictures([*noisy, *twins], channels, ranges)
    ]
    pairs = [
        Pair(path.stem, *both) for path, *both in zip(noisy, read, read[len(noisy) :], strict=False)
    ]
    if len(pairs) == 1:
        raise ValueError(f"{root / name} has one pair, and settings are chosen on another one")
    for pair in pairs:
        if pair.noisy.shape != pair.clean.shape:
            raise ValueError(f"{pair.name} and its clean twin differ in size")
    return pairs


def scaled(samples: np.ndarray) -> np.ndarray:
    """Return unsigned integers as float32, 1 for the largest of their type."""
    import numpy as np

    return samples.astype(np.float32) / np.float32(np.iinfo(samples.dtype).max)


def psnr(picture: np.ndarray, clean: np.ndarray) -> float:
    import numpy as np

    return float(-10 * np.log10(np.square(picture.astype(np.float64) - clean).mean()))


def best_strength(pairs: Sequence[Pair]) -> float:
    """Choose the strength with which BM3D has the highest mean PSNR on the pictures' middles."""
    import numpy as np

    from restoration import classical

    def middle(picture: np.ndarray) -> np.ndarray:
        top, left = (max(0, (side - MIDDLE) // 2) for side in picture.shape[1:])
        return picture[:, top : top + MIDDLE, left : left + MIDDLE]

    def score(std: float) -> float:
        parts = [(middle(pair.noisy), middle(pair.clean)) for pair in pairs]
        return float(
            np.mean([psnr(classical.restore("bm3d", noisy, std), clean) for noisy, clean in parts])
        )

    return max(STRENGTHS, key=score)


def model(given: str, symmetries: int) -> tuple[str, Callable[[np.ndarray], np.ndarray]]:
    """Return a model's name and what restores a picture as denoise.py does.

    Args:
        given: A checkpoint, or name=checkpoint.
        symmetries: As in denoise.py.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: It restores no pictures.
    """
    import torch

    from estimation.noise_level import estimate_std
    from restoration.methods import by_checkpoint

    name, equals, path = given.partition("=")
    method = by_checkpoint(path if equals else given, None, torch.device("cpu"), symmetries)
    name += f", symmetries={symmetries}" if symmetries > 1 else ""
    return name, lambda noisy: method(noisy, estimate_std(noisy)).picture


def table(name: str, scores: dict[str, list[float]]) -> Table:
    """Describe a set's scores: the mean PSNR, and paired differences with their intervals."""
    from reporting.tables import Table

    header = ["method", "PSNR (dB)"]
    for other in (NOISY, BM3D):
        header += [f"over {other}", "95 %"] if other in scores else []
    rows = [
        [method, f"{statistics.fmean(found):.2f}", *beside(scores, method)]
        for method, found in scores.items()
    ]
    count = len(scores[NOISY])
    return Table(f"{name}, {count} {'picture' if count == 1 else 'pictures'}", header, rows)


def beside(scores: dict[str, list[float]], method: str) -> list[str]:
    """Return a method's mean gain over the noisy pictures and over BM3D, each with its interval."""
    import numpy as np

    from reporting.statistics import paired_intervals

    cells = []
    for other in (NOISY, BM3D):
        gains = np.subtract(scores[method], scores[other]) if other in scores else np.empty(0)
        if method == other:
            cells += ["", ""]
        elif len(gains) == 1:
            cells += [f"{gains[0]:+.2f}", "–"]
        elif len(gains):
            low, high = paired_intervals(gains[:, None], seed=0)[:, 0]
            cells += [f"{gains.mean():+.2f}", f"{low:+.2f} to {high:+.2f}"]
    return cells


def _run(given: argparse.Namespace) -> None:
    """Raises ValueError or OSError for what a user can mend."""
    output = given.output or Path(time.strftime("outputs/real_noise_%Y-%m-%d_%H-%M-%S"))
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ValueError(f"--output {output} exists already: give a new folder")
    tune_process()
    from rich.console import Console
    from rich.progress import track

    from groundwork.environment import environment
    from restoration import classical

    if given.bm3d:
        classical.require_available("bm3d")
    methods: dict[str, Callable[[np.ndarray], np.ndarray]] = {NOISY: lambda noisy: noisy}
    methods |= dict(model(name, count) for name in given.models for count in given.symmetries)
    sets = {name: pairs_of(given.root, name) for name in given.sets}
    about = machine() | environment() | {"command": f"{PROGRAM} {' '.join(sys.argv[1:])}"}
    results: list[dict[str, Any]] = []
    tables = []
    console, shown = Console(width=None if sys.stdout.isatty() else 140), Console(stderr=True)
    for name, pairs in sets.items():
        chosen, scored = pairs[::2], pairs[1::2]
        scorers, strength = dict(methods), None
        if given.bm3d:
            strength = best_strength(chosen)
            scorers[BM3D] = partial(classical.restore, "bm3d", std=strength)
        scores: dict[str, list[float]] = {method: [] for method in scorers}
        for pair in track(scored, name, console=shown, disable=not shown.is_terminal):
            for method, restore in scorers.items():
                scores[method].append(psnr(restore(pair.noisy), pair.clean))
        names = [pair.name for pair in scored]
        results.append({"set": name, "pictures": names, "bm3d_std": strength, "psnr": scores})
        tables.append(table(name, scores))
        write_json(output / "results.json", about | {"results": results})
        parts = [f"## {made.title}\n\n{made.as_markdown()}\n" for made in tables]
        write_whole(output / "table.md", "\n".join(parts))
        console.print(f"\n{tables[-1].title}", tables[-1].for_terminal(), sep="\n", highlight=False)
    print(f"The tables, and all numbers as JSON, are in {output}")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "models",
        nargs="*",
        default=["auto", "photo", "camera"],
        metavar="model",
        help="a checkpoint or its name, or name=checkpoint; default: all weights that ship",
    )
    add("--root", type=expand, required=True, help="the folder that has the sets as folders")
    add("--sets", nargs="+", choices=SETS, default=[*SETS], help="default: all")
    add(
        "--symmetries",
        nargs="+",
        type=int,
        choices=(1, 8),
        default=[1],
        help="of denoise.py; several numbers score each model with each; default: 1",
    )
    add("--no-bm3d", dest="bm3d", action="store_false", help="leave BM3D out, which is slow")
    add("--output", type=expand, help="a new folder; default: outputs/real_noise_DATE")
    given = parser.parse_args()
    with one_line(PROGRAM):
        _run(given)


if __name__ == "__main__":
    main()
