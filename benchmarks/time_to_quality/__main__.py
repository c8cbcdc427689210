"""Time to quality: how many seconds of training a contestant needs to a test PSNR.

    python -m benchmarks.time_to_quality              all that are known, with five seeds
    python -m benchmarks.time_to_quality default 'wide=model.channels=[64,128] data.batch_size=64'

A contestant is one of the default ones, or a new name with overrides of train.py. Run nothing else
meanwhile. The same command with the --output of one that was stopped goes on with it, and passes
over the runs that have ended.
"""

import argparse
import json
import math
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.command import one_line
from benchmarks.machine import machine
from benchmarks.time_to_quality import contestants
from benchmarks.time_to_quality.contestants import KNOWN, Contestant
from groundwork.files import expand
from groundwork.machine import cores, tune_process

PROGRAM = "python -m benchmarks.time_to_quality"
LEVELS = (19.0, 19.5, 19.9)
# What the runs of one folder share, as their seconds could not be compared otherwise.
SHARED = ("processor", "cores", "versions", "data", "epochs", "steps")


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
    add("contestants", nargs="*", metavar="contestant", help=f"default: {' '.join(KNOWN)}")
    add("--seeds", type=int, default=5, help="how many, from 0 on; default: 5")
    add("--epochs", type=int, help="of all contestants; default: as many as the config says, or 15")
    add("--steps", type=int, help="of an epoch, to try the command out; default: all")
    add("--levels", nargs="+", type=float, default=[*LEVELS], metavar="DB", help="of the table")
    add("--data", nargs="+", default=[], metavar="OVERRIDE", help="other images than Fashion-MNIST")
    add("--output", type=expand, help="default: outputs/time_to_quality_DATE")
    return parser


def _run(given: argparse.Namespace) -> None:
    """Raises ValueError or OSError for what a user can mend."""
    for name in ("seeds", "epochs", "steps"):
        value = getattr(given, name)
        if value is not None and value < 1:
            raise ValueError(f"--{name} must be at least 1, got {value}")
    for level in given.levels:
        if not math.isfinite(level):
            raise ValueError(f"--levels must be numbers, got {level}")
    asked = contestants.without_absent(contestants.named(given.contestants or [*KNOWN]))
    if not asked:
        raise ValueError("there is no contestant left")
    tune_process()
    from rich.console import Console

    from benchmarks.time_to_quality import report
    from groundwork.environment import environment

    command = f"{PROGRAM} {shlex.join(sys.argv[1:])}"
    about = machine() | environment() | {"command": command, "cores": cores()}
    about |= {name: getattr(given, name) for name in ("data", "epochs", "steps", "levels")}
    output = given.output or Path(time.strftime("outputs/time_to_quality_%Y-%m-%d_%H-%M-%S"))
    results = about | _earlier(output, about, asked)
    contestants.check(asked, given.data)
    done = {(run["contestant"], run["seed"]) for run in results["runs"]}
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "test.npz"
        write_images(given.data, images)
        for seed in range(given.seeds):
            for each in asked:
                if (each.name, seed) in done:
                    continue
                print(f"{each.name}, seed {seed} ...", file=sys.stderr)
                results["runs"].append(
                    contestants.run(each, seed, images, given.data, given.epochs, given.steps)
                )
                report.write(output, results)  # what is there, should it be stopped
    report.write(output, results)
    made = report.table(results)
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(made.for_terminal(), *made.notes, sep="\n", highlight=False)
    print(f"The table, the curves, and all numbers as JSON are in {output}")


def _earlier(output: Path, about: dict[str, Any], asked: Sequence[Contestant]) -> dict[str, Any]:
    """Return "contestants", the overrides of each by its name, and "runs", those that have ended.

    Raises:
        ValueError: The folder holds something else, or runs that these do not go together with.
    """
    overrides = {each.name: [*each.overrides] for each in asked}
    file = output / "results.json"
    if not file.exists():
        if output.exists() and (not output.is_dir() or any(output.iterdir())):
            raise ValueError(f"--output {output} has no runs of this benchmark: give a new folder")
        return {"contestants": overrides, "runs": []}
    try:
        found = json.loads(file.read_text())
        shared = {name: found[name] for name in SHARED}
        before, runs = found["contestants"], found["runs"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{file} is not of this benchmark: give a new folder") from None
    for name, value in shared.items():
        if value != about[name]:
            raise ValueError(
                f"--output {output} has runs with another {name}, {value} and not {about[name]}: "
                "give a new folder"
            )
    for name in overrides.keys() & before.keys():
        if overrides[name] != before[name]:
            raise ValueError(
                f"--output {output} has another contestant {name}, with the overrides "
                f"{before[name]}: give a new name"
            )
    return {"contestants": before | overrides, "runs": runs}


def write_images(data: Sequence[str], path: Path) -> None:
    """Write the test images with the evaluation's fixed noise, for all contestants to read.

    Args:
        data: Overrides of train.py.
        path: See `benchmarks.time_to_quality.curve.Task`.

    Raises:
        OSError, ValueError: The images are missing or damaged.
    """
    import numpy as np
    import torch

    from cli.composing import compose
    from cli.config import build

    cfg = compose("train", data)
    images = build(cfg.data, "data", noise=build(cfg.noise, "noise"))
    images.prepare_data()
    images.setup("test")
    batch = images.eval_batch("test", torch.arange(images.size("test")))
    np.savez(path, noisy=batch.noisy.numpy(), clean=batch.clean.numpy())


if __name__ == "__main__":
    main()
