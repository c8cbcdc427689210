"""Who takes part: train.py with overrides, the textbook pipeline and Keras."""

import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.time_to_quality.curve import Task
from benchmarks.training import KERAS
from groundwork.files import REPOSITORY

EPOCHS = 15  # of those that have no config of train.py, whose default this is too
# The defaults before Muon. The textbook pipeline has Adam, and no schedule.
ADAMW = (
    "model.loss=mse",
    "model.optimizer.lr=0.002",
    "model.optimizer.muon_lr=null",
    "model.optimizer.schedule=exponential",
)
LAST_LINES = 20  # of what a run that failed has said


class Contestant(NamedTuple):
    """One that trains.

    Attributes:
        name: In tables and plots.
        module: What runs, of this package.
        overrides: Those of train.py.
        python: What runs it.
        epochs: How many it trains if nothing else is asked. None leaves it to train.py's config.
    """

    name: str
    module: str
    overrides: tuple[str, ...] = ()
    python: str = sys.executable
    epochs: int | None = None

    @property
    def is_ours(self) -> bool:
        return self.module == "by_train"


KNOWN = {
    each.name: each
    for each in (
        Contestant("default", "by_train"),
        Contestant("speedrun", "by_train", ("experiment=speedrun",)),
        Contestant("adamw", "by_train", ADAMW),
        Contestant("textbook", "by_textbook", ADAMW[:2], epochs=EPOCHS),
        Contestant("Keras", "by_keras", python=str(KERAS), epochs=EPOCHS),
    )
}


def named(texts: Sequence[str]) -> list[Contestant]:
    """Return the contestants that a command line asks for.

    Args:
        texts: Names in `KNOWN`, or `name=overrides` of train.py with spaces between them.

    Raises:
        ValueError: There is no such contestant, or two have one name.
    """
    found: dict[str, Contestant] = {}
    for text in texts:
        name, equals, overrides = text.partition("=")
        if not equals and name not in KNOWN:
            raise ValueError(
                f"there is no contestant {name!r}: choose from {', '.join(KNOWN)}, or give "
                "name=overrides of train.py"
            )
        if not name or name in found or (equals and name in KNOWN):
            raise ValueError(f"{text!r}: give a contestant another name than {name!r}")
        own = Contestant(name, "by_train", tuple(shlex.split(overrides)))
        found[name] = own if equals else KNOWN[name]
    return [*found.values()]


def without_absent(contestants: Sequence[Contestant]) -> list[Contestant]:
    """Leave out those whose Python is not there, and say so."""
    for each in contestants:
        if not Path(each.python).exists():
            print(
                f"{each.name} does not take part: `make keras` makes its environment",
                file=sys.stderr,
            )
    return [each for each in contestants if Path(each.python).exists()]


def check(contestants: Sequence[Contestant], data: Sequence[str]) -> None:
    """Check that all can train, before any of them does.

    Args:
        contestants: All.
        data: Overrides that say what they train on.

    Raises:
        ValueError: One cannot, as its overrides are wrong or it is for Fashion-MNIST alone.
    """
    from cli.composing import compose
    from cli.config import build
    from cli.messages import is_users_mistake, one_line
    from training.settings import check_settings

    for each in contestants:
        if data and not each.is_ours:
            raise ValueError(f"--data: {each.name} is for Fashion-MNIST alone: leave it out")
        try:
            cfg = compose("train", [*data, *each.overrides])
            check_settings(cfg)
            of = build(cfg.data, "data", noise=build(cfg.noise, "noise"))
            build(cfg.model, "model", image_shape=of.image_shape, num_classes=of.num_classes)
        except Exception as error:
            if not is_users_mistake(error):
                raise
            raise ValueError(f"{each.name}: {one_line(error)}") from None


def run(
    contestant: Contestant,
    seed: int,
    images: Path,
    data: Sequence[str],
    epochs: int | None,
    steps: int | None,
) -> dict[str, Any]:
    """Let a contestant train in a process of its own.

    Args:
        contestant: Who trains.
        seed, steps: See `Task`.
        images: The test images.
        data: Overrides that say what it trains on.
        epochs: How many it trains. None leaves it to the contestant.

    Returns:
        "contestant", "seed", "started", and "points" with step, seconds and psnr.

    Raises:
        RuntimeError: Training has failed. The message has the end of its output.
    """
    started = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result, log = folder / "curve.json", folder / "log"
        task = Task(
            images=str(images),
            result=str(result),
            folder=str(folder / "run"),
            seed=seed,
            epochs=contestant.epochs if epochs is None else epochs,
            steps=steps,
            overrides=[*data, *contestant.overrides],
        )
        module = f"benchmarks.time_to_quality.{contestant.module}"
        command = [contestant.python, "-m", module, json.dumps(task._asdict())]
        with log.open("w") as output:
            done = subprocess.run(
                command,
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
            )
        if done.returncode or not result.exists():
            tail = "\n".join(log.read_text().splitlines()[-LAST_LINES:])
            raise RuntimeError(f"{contestant.name}, seed {seed}, has failed:\n{tail}")
        curve: dict[str, Any] = json.loads(result.read_text())
    return {"contestant": contestant.name, "seed": seed, "started": started} | curve
