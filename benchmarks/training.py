"""Training throughput: train.py as it is used, a hand-written loop, the textbook and Keras.

train.py runs with all that it does by default: TensorBoard, progress bar, history, checkpoints. A
turn is the training part of an epoch of some seconds. It does not include start, compilation,
validation or the first epoch.
"""

import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.turns import Contender, rounds
from groundwork.files import REPOSITORY

SPINNING = [
    "env",
    "GOMP_SPINCOUNT=300000",
]  # OpenMP's own default; see `groundwork.machine.tune_process`
KERAS = REPOSITORY / ".venv-keras" / "bin" / "python"
BATCH = 128
ADAM = "model.optimizer.muon_lr=null"  # the optimizer that all contenders have
PARTS = ("gather", "noise", "forward", "backward", "optimizer")


class Network(NamedTuple):
    """A network, and train.py's targets with it.

    Attributes:
        name: The name in the table.
        overrides: Those of train.py.
        steps: Steps in a turn.
        keras: Arguments of benchmarks.keras_fit. Empty if it has no such network.
        compile: Whether the loop is also measured with torch.compile.
        spin: Whether the loop is also measured with OpenMP's default spinning.
        of_loop, of_textbook, of_keras: How many times as fast as the other contender train.py
            should be.
    """

    name: str
    overrides: Sequence[str]
    steps: int
    keras: Sequence[str] = ()
    compile: bool = False
    spin: bool = False
    of_loop: float | None = None
    of_textbook: float | None = None
    of_keras: float | None = None


NETWORKS = (
    Network("dense", ["model=dense"], 429, ["dense"], of_loop=0.85, of_textbook=2.5),
    Network("vae", ["model=vae"], 429, ["vae"], of_loop=0.97, of_textbook=2.5),
    Network("classifier", ["model=classifier"], 200, ["classifier"], of_loop=0.85, of_textbook=2.5),
    Network(
        "conv_upsample",
        ["model=conv_upsample"],
        100,
        ["conv_upsample"],
        compile=True,
        of_loop=0.97,
        of_textbook=1.6,
        of_keras=1.1,
    ),
    Network(
        "conv_transposed",
        ["model=conv_transposed"],
        100,
        ["conv_transposed"],
        compile=True,
        spin=True,
        of_loop=0.97,
        of_textbook=1.6,
        of_keras=1.1,
    ),
    Network(
        "conv_transposed 16-8",
        ["model=conv_transposed", "model.channels=[16,8]"],
        429,
        ["conv_transposed", "16,8"],
        compile=True,
        of_textbook=1.6,
        of_keras=1.4,
    ),
    Network(
        "nearly empty",
        ["model=dense", "model.hidden=[1]", "model.latent_dim=1"],
        429,
        of_textbook=8,
    ),
)


def measure(names: Sequence[str], count: int) -> dict[str, dict[str, Any]]:
    """Measure milliseconds per step, for each network and round.

    Returns:
        By network: those of each contender, and those of each part of the hand-written loop's step.
    """
    results = {}
    for network in NETWORKS:
        if names and network.name not in names:
            continue
        print(f"  {network.name}", file=sys.stderr)
        readings = compete(network, count)
        results[network.name] = {
            "ms_per_step": {
                contender: [1000 * turn["seconds"] / turn["steps"] for turn in turns]
                for contender, turns in readings.items()
            },
            "loop_parts_ms": {
                part: [1000 * turn[part] / turn["steps"] for turn in readings["loop"]]
                for part in PARTS
            },
        }
    return results


def compete(network: Network, count: int) -> dict[str, list[dict[str, Any]]]:
    """Let the contenders take turns, and return the readings of each."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        contenders = [
            stack.enter_context(Contender(label, command, folder / f"{label}.log"))
            for label, command in commands(network, folder / "run").items()
        ]
        return rounds(contenders, count)


def commands(network: Network, run: Path) -> dict[str, list[str]]:
    """Return the command of each contender.

    Args:
        network: The network.
        run: The directory that train.py writes to.
    """
    python, steps = sys.executable, str(network.steps)
    overrides = [*network.overrides, ADAM]
    loop = [python, "-m", "benchmarks.loop", steps]
    found = {
        "train.py": [
            python,
            "train.py",
            *overrides,
            f"trainer.limit_train_batches={steps}",
            "trainer.limit_val_batches=1",
            "trainer.max_epochs=1_000_000",
            "trainer.callbacks=[{_target_:benchmarks.epoch_turns.EpochTurns}]",
            f"hydra.run.dir={run}",
        ],
        "loop": [*loop, "eager", *overrides],
        "loop again": [*loop, "eager", *overrides],
        "textbook": [python, "-m", "benchmarks.textbook", steps, *overrides],
    }
    if network.compile:
        found["loop compiled"] = [*loop, "compiled", *overrides]
    if network.spin:
        found["loop spinning"] = [*SPINNING, *loop, "eager", *overrides]
    if network.keras and KERAS.exists():
        found["Keras"] = [str(KERAS), "-m", "benchmarks.keras_fit", steps, *network.keras]
    return found


def times_as_fast(result: dict[str, Any], one: str, other: str) -> list[float]:
    """Return how many times as fast as another contender one is, in each round.

    Only Keras' fastest round counts. On two cores its threads hinder each other in some rounds,
    which then take twice as long or more.
    """
    times = result["ms_per_step"]
    others = times[other]
    if other == "Keras":
        others = [min(others)] * len(others)
    return [b / a for a, b in zip(times[one], others, strict=True)]
