"""The speed of the project beside alternatives: one table, and all readings as JSON.

    python -m benchmarks                       everything, some 40 minutes on two cores
    python -m benchmarks training --networks dense vae --rounds 3

A ratio compares two turns of the same round. The table has its median over the rounds, with the
lowest and the highest. Keras takes part if `make keras` has made its environment.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import memory, report, startup, training
from benchmarks.machine import machine
from benchmarks.turns import answer
from groundwork.files import expand

PARTS = ("training", "startup", "memory", "evaluation", "latency", "growth")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="part", help=f"one or more of {', '.join(PARTS)}"
    )
    parser.add_argument(
        "--networks", nargs="+", default=[], help="for the part training: those to measure"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=expand, default=Path("outputs/benchmarks.json"))
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(unknown)}: choose from {', '.join(PARTS)}")
    known = [network.name for network in training.NETWORKS]
    if unknown := set(given.networks) - set(known):
        parser.error(f"there is no network {', '.join(unknown)}: choose from {', '.join(known)}")
    if given.rounds < 1:
        parser.error(f"--rounds must be at least 1, got {given.rounds}")

    if "training" in (given.parts or PARTS) and not training.KERAS.exists():
        print("Keras does not take part: `make keras` makes its environment", file=sys.stderr)
    readings: dict[str, Any] = {"machine": machine(), "rounds": given.rounds}
    given.output.parent.mkdir(parents=True, exist_ok=True)
    for part in given.parts or PARTS:
        print(f"{part} ...", file=sys.stderr)
        readings[part] = measure(part, given.rounds, given.networks)
        given.output.write_text(json.dumps(readings, indent=1) + "\n")
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(report.table([*report.lines(readings)]))
    print(f"All readings are in {given.output}")
    if "training" in readings:
        picture = given.output.with_suffix(".png")
        report.plot(readings, picture)
        print(f"The throughput is drawn in {picture}")


def measure(part: str, count: int, networks: Sequence[str]) -> Any:
    match part:
        case "training":
            return training.measure(networks, count)
        case "startup":
            return startup.measure(count)
        case "memory":
            return memory.measure(count)
        case "evaluation" | "latency":
            names = ("dense", "conv_upsample", "conv_transposed", "vae")
            module = f"benchmarks.{part}"
            return {name: answer(module, str(count), f"model={name}") for name in names}
        case _:
            return answer("benchmarks.growth", str(count))


if __name__ == "__main__":
    main()
