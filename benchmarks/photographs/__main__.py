"""How well photographs are restored: models and baselines on the field's test sets, beside
published numbers.

    python -m benchmarks.photographs outputs/…/checkpoints/best.ckpt --root pictures/
    python -m benchmarks.photographs --root pictures/ --sets BSD68 --sigma 25 --every 4
"""

from __future__ import annotations

import argparse
import math
import os
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.command import one_line
from benchmarks.machine import machine
from groundwork.files import expand
from groundwork.machine import cores, tune_process

# torch is imported inside the functions: it must find the threads set, and a wrong path is told
# at once.
if TYPE_CHECKING:
    from benchmarks.photographs.measuring import Comparison
    from benchmarks.photographs.methods import Method
    from benchmarks.photographs.sets import PictureSet

PROGRAM = "python -m benchmarks.photographs"
BASELINES = "of noisy, tv, nlm, bm3d and zero_shot; default: all that can run but zero_shot"


def main() -> None:
    given = _parser().parse_args()
    with one_line(PROGRAM):
        _run(given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("models", nargs="*", metavar="model", help="a checkpoint, or name=checkpoint")
    add("--root", type=expand, required=True, help="the folder that has the test sets as folders")
    add("--sets", nargs="+", default=[], help="their names; default: those with published numbers")
    add("--sigma", nargs="+", type=float, default=[15.0, 25.0, 50.0], help="of the noise, of 255")
    add("--baselines", nargs="*", help=BASELINES)
    add("--kair-dncnn", nargs="+", type=expand, default=[], metavar="PTH", help="of its model zoo")
    add("--every", type=int, default=1, help="n scores every n-th picture of a set")
    add("--threads", type=int, default=cores(), help="cores that all methods may use")
    add("--output", type=expand, help="a new folder; default: outputs/photographs_DATE")
    return parser


def _run(given: argparse.Namespace) -> None:
    """Raises ValueError or OSError for what a user can mend."""
    if given.every < 1:
        raise ValueError(f"--every must be at least 1, got {given.every}")
    for sigma in given.sigma:
        if not (sigma > 0 and math.isfinite(sigma)):
            raise ValueError(f"--sigma must be above 0, got {sigma:g}")
    if not 1 <= given.threads <= cores():
        raise ValueError(f"--threads must be from 1 to {cores()}, got {given.threads}")
    output = given.output or Path(time.strftime("outputs/photographs_%Y-%m-%d_%H-%M-%S"))
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ValueError(f"--output {output} exists already: give a new folder")
    _keep_to(given.threads)
    from rich.console import Console

    from baselines.filters import BM3D_CURE
    from benchmarks.photographs import measuring, methods, report, sets
    from groundwork.environment import environment

    folders = sets.folders(given.root, given.sets)
    scored = methods.baselines(given.baselines)
    if given.baselines is None and methods.BASELINES["bm3d"] not in scored:
        print(f"BM3D does not take part: {BM3D_CURE}", file=sys.stderr)
    scored += map(methods.model, given.models)
    scored += map(methods.published_dncnn, given.kair_dncnn)
    names = [method.name for method in scored]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"two methods are called {name}: give another name, as name=checkpoint"
            )
    tested = [sets.read(folder, given.every) for folder in folders]
    tested = _with_a_model(tested, scored, named=bool(given.sets))
    command = f"{PROGRAM} {shlex.join(sys.argv[1:])}"
    about = machine() | environment() | {"command": command, "threads": given.threads}
    console = Console(width=None if sys.stdout.isatty() else 140)
    comparisons: list[Comparison] = []
    for each in tested:
        fitting = [
            method
            for method in scored
            if method.channels is None or each.channels in method.channels
        ]
        for sigma in dict.fromkeys(given.sigma):
            comparisons.append(measuring.compare(each, sigma, fitting))
            report.write(output, comparisons, about)  # what is there, should it be stopped
            made = report.table(comparisons[-1])
            console.print(f"\n{made.title}", made.for_terminal(), sep="\n", highlight=False)
    print(f"The tables, all numbers as JSON, and PSNR over time are in {output}")


def _with_a_model(
    tested: Sequence[PictureSet], scored: Sequence[Method], named: bool
) -> list[PictureSet]:
    """Return the test sets that a model is for; all of them if baselines alone are scored.

    Raises:
        ValueError: A model is for none of the sets, there is no model for a set that was named,
            or nothing is to be scored.
    """
    if not scored:
        raise ValueError("there is nothing to score: give a model or --baselines")
    models = [method for method in scored if method.channels is not None]
    if not models:
        return [*tested]
    for model in models:
        if not any(each.channels in (model.channels or ()) for each in tested):
            others = ", ".join(f"{each.name} is {each.colours}" for each in tested)
            raise ValueError(f"{model.name} is for {model.colours} pictures: {others}")
    kinds = {channels for model in models for channels in model.channels or ()}
    for each in tested:
        if named and each.channels not in kinds:
            raise ValueError(f"--sets {each.name}: no model is for {each.colours} pictures")
    return [each for each in tested if each.channels in kinds]


def _keep_to(threads: int) -> None:
    """Let this process, with all threads of all libraries, run on so many cores."""
    tune_process()
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


if __name__ == "__main__":
    main()
