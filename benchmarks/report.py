"""The readings as lines of a table, each with its target, and the plot in docs/speed.md."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Column, Table

from benchmarks.training import BATCH, NETWORKS, Network, times_as_fast


class Line(NamedTuple):
    """A reading.

    Attributes:
        part: The part of the benchmarks.
        what: What was measured.
        values: One for each round.
        unit: The unit of the values.
        target: A bound for the median, such as ">= 0.97". "" for none.
    """

    part: str
    what: str
    values: Sequence[float]
    unit: str
    target: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        if not self.target:
            return None
        relation, bound = self.target.split()
        return self.median >= float(bound) if relation == ">=" else self.median <= float(bound)


def lines(readings: dict[str, Any]) -> Iterator[Line]:
    """Yield the lines for the contents of benchmarks.json, which may lack parts."""
    networks = {network.name: network for network in NETWORKS}
    for name, result in readings.get("training", {}).items():
        yield from _training(networks[name], result)
    if "startup" in readings:
        yield from _startup(readings["startup"])
    if "memory" in readings:
        yield from _memory(readings["memory"])
    for name, result in readings.get("evaluation", {}).items():
        yield from _evaluation(name, result)
    for name, result in readings.get("latency", {}).items():
        yield from _latency(name, result)
    if "growth" in readings:
        yield from _growth(readings["growth"])


def _training(network: Network, result: dict[str, Any]) -> Iterator[Line]:
    times = result["ms_per_step"]
    for name, values in times.items():
        yield Line("training", f"{network.name}: {name}", values, "ms/step")
    for name, values in result["loop_parts_ms"].items():
        yield Line("training", f"{network.name}: of the loop, {name}", values, "ms/step")
    above = [a - b for a, b in zip(times["train.py"], times["loop"], strict=True)]
    target = "<= 1.5" if network.name == "nearly empty" else ""
    yield Line("training", f"{network.name}: train.py above loop", above, "ms/step", target)
    for other, share in (
        ("loop", network.of_loop),
        ("textbook", network.of_textbook),
        ("Keras", network.of_keras),
    ):
        if other in times:
            ratios = times_as_fast(result, "train.py", other)
            target = f">= {share}" if share else ""
            yield Line("training", f"{network.name}: train.py / {other}", ratios, "x", target)
    for other in ("loop again", "loop compiled", "loop spinning"):
        if other in times:
            ratios = times_as_fast(result, other, "loop")
            yield Line("training", f"{network.name}: {other} / loop", ratios, "x")


def _startup(result: dict[str, Any]) -> Iterator[Line]:
    for name, bound in (("help", 3), ("refused", 3), ("first step", 12)):
        yield Line("startup", name, result["seconds"][name], "s", f"<= {bound}")
    for name, found in result["imports"].items():
        slow = ", ".join(f"{package} {seconds:.2g}" for package, seconds in [*found.items()][:6])
        yield Line("startup", f"{name}, imports: {slow}", [sum(found.values())], "s")


def _memory(result: dict[str, Any]) -> Iterator[Line]:
    images, held_out = result["images_as_uint8"], result["held_out_noisy_as_float32"]
    yield Line("memory", "peak, all of Fashion-MNIST", result["all"], "MB")
    yield Line("memory", "peak, very little data", result["little"], "MB")
    yield Line("memory", "more images, as uint8", [images], "MB")
    yield Line("memory", "more held-out noisy images, as float32", [held_out], "MB")
    grown = [
        (a - b - held_out) / images for a, b in zip(result["all"], result["little"], strict=True)
    ]
    yield Line("memory", "growth, without the noisy ones / images", grown, "x", "<= 1")


def _evaluation(name: str, result: dict[str, Any]) -> Iterator[Line]:
    seconds = result["seconds"]
    images = [result["images"] / value for value in seconds["eval.py"]]
    yield Line("evaluation", f"{name}: throughput", images, "images/s")
    network = [a / b for a, b in zip(seconds["network"], seconds["eval.py"], strict=True)]
    yield Line("evaluation", f"{name}: the network's share", network, "")
    beyond = [a / b - 1 for a, b in zip(seconds["eval.py"], seconds["by hand"], strict=True)]
    yield Line("evaluation", f"{name}: beyond network and metrics", beyond, "", "<= 0.1")


def _latency(name: str, result: dict[str, Any]) -> Iterator[Line]:
    for way, values in result["1"].items():
        yield Line("latency", f"{name}: one image, {way}", values, "ms")
    for batch in result.keys() - {"1"}:
        for way, values in result[batch].items():
            rate = [1000 * int(batch) / value for value in values]
            yield Line("latency", f"{name}: {batch} at once, {way}", rate, "images/s")


def _growth(result: dict[str, Any]) -> Iterator[Line]:
    for name, rates in result["images_per_s"].items():
        yield Line("growth", name, rates, "images/s")
        if "size" in name:
            megapixels = int(name.split()[-1]) ** 2 / 1e6
            yield Line("growth", name, [rate * megapixels for rate in rates], "megapixels/s")
    yield Line("growth", "matrix product", result["matrix_gflop_per_s"], "GFLOP/s")
    for name, gflop in result["gflop_per_step"].items():
        rates = [rate / 128 * gflop for rate in result["images_per_s"][f"{name} batch 128"]]
        yield Line("growth", f"{name}: arithmetic", rates, "GFLOP/s")


def table(found: Sequence[Line]) -> Table:
    made = Table(
        "part",
        "reading",
        Column("median", justify="right", no_wrap=True),
        Column("lowest to highest", justify="right", no_wrap=True),
        Column("", no_wrap=True),
        Column("target", no_wrap=True),
        Column("met", no_wrap=True),
    )
    for line in found:
        low, high = min(line.values), max(line.values)
        spread = f"{low:,.4g} to {high:,.4g}" if len(line.values) > 1 else ""
        met = {None: "", True: "yes", False: "no"}[line.met]
        made.add_row(
            line.part, line.what, f"{line.median:,.4g}", spread, line.unit, line.target, met
        )
    return made


# The reading that counts: Keras' fastest round, and others' median. `times_as_fast` says why.
CONTENDERS: dict[str, Callable[[list[float]], float]] = {
    "train.py": statistics.median,
    "loop": statistics.median,
    "Keras": max,
    "textbook": statistics.median,
}


def plot(readings: dict[str, Any], path: Path) -> None:
    """Plot the training throughput of the contenders, with a group of bars for each network."""
    from matplotlib.figure import Figure

    results = readings["training"]
    names = [name for name in results if name != "nearly empty"]
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    axis = figure.subplots()
    width = 0.8 / len(CONTENDERS)
    for number, (contender, choose) in enumerate(CONTENDERS.items()):
        rates = {
            place - 0.4 + (number + 0.5) * width: [
                1000 * BATCH / value for value in results[name]["ms_per_step"][contender]
            ]
            for place, name in enumerate(names)
            if contender in results[name]["ms_per_step"]
        }
        chosen = [choose(values) for values in rates.values()]
        label = contender if choose is statistics.median else f"{contender}, its fastest round"
        axis.bar([*rates], chosen, 0.9 * width, label=label)
        for (left, values), rate in zip(rates.items(), chosen, strict=True):
            axis.vlines(left, min(values), max(values), color="black", linewidth=1)
            axis.text(left, max(values), f"  {rate:,.0f}", ha="center", rotation=90, fontsize=8)
    axis.set_xticks(range(len(names)), names)
    axis.set_yscale("log")
    axis.set_ylabel("training, images/s")
    axis.margins(y=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=len(CONTENDERS), frameon=False)
    figure.savefig(path, dpi=150)
