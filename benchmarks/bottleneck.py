"""Test PSNR over the size of the code: does the bottleneck help?

Linear methods and networks with skip connections are drawn for comparison.

    python train.py -m experiment=bottleneck          and bottleneck_conv, bottleneck_skips
    python -m benchmarks.bottleneck multirun/… multirun/… multirun/… --output docs/bottleneck.png

The command reads the finished runs below the given directories, of one seed or several. It fits
PCA, with as many components as a code has numbers, and the linear map for the same noise, and
scores them on the same test images. The points that it draws are kept beside the plot, as JSON.
"""

import argparse
import json
import statistics
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import OmegaConf

from groundwork.files import expand, write_whole

WITHOUT = ("unet", "dncnn")  # networks without a bottleneck


class Point(NamedTuple):
    """A method at one strength of noise.

    Attributes:
        std: The standard deviation of the noise.
        method: The name of the method.
        size: How many numbers the code has. None without a bottleneck.
        psnr: Mean PSNR of the test images, in dB, for each seed.
    """

    std: float
    method: str
    size: int | None
    psnr: list[float]

    @property
    def mean(self) -> float:
        return statistics.fmean(self.psnr)

    @property
    def deviation(self) -> float:
        """Return the standard deviation over seeds, 0 for a single one."""
        return statistics.stdev(self.psnr) if len(self.psnr) > 1 else 0.0


def finished(directories: list[Path]) -> list[Path]:
    """Return the files of the scores of finished runs."""
    return [file for top in directories for file in sorted(top.rglob("metrics.json"))]


def config_of(file: Path) -> Any:
    """Return the config of the run with these scores."""
    return OmegaConf.load(file.parent / ".hydra" / "config.yaml")


def trained(files: list[Path]) -> list[Point]:
    """Read the points of finished runs. The seeds of a method share one."""
    found: defaultdict[tuple[float, str, int | None], list[float]] = defaultdict(list)
    for file in files:
        config = config_of(file)
        name = config.model._target_.split(".")[-2]
        if name in WITHOUT:
            size = None
        elif "latent_dim" in config.model:
            size = config.model.latent_dim
        else:  # three stages that halve 28 pixels leave 4 x 4
            size = 16 * config.model.channels[-1]
        found[config.noise.std, name, size].append(json.loads(file.read_text())["test"]["psnr"])
    return [Point(*method, psnr) for method, psnr in found.items()]


def linear(config: Any, sizes: list[int]) -> Iterator[Point]:
    """Fit and score the linear methods, PCA for each size of a code.

    Args:
        config: A run's, whose data and noise they get.
        sizes: The numbers of components.
    """
    import torch

    from baselines.linear import ROWS, projections, regressions
    from baselines.mean_curve import InverseMean
    from cli.config import build
    from denoisers.metrics import psnr

    std = config.noise.std
    data = build(config.data, "data", noise=build(config.noise, "noise"))
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    test = data.eval_batch("test", torch.arange(data.size("test")))
    training, unbiased = data.fitting_batch(), InverseMean(data.noise)
    means = torch.cat([unbiased.mean(part) for part in training.clean.flatten(1).split(ROWS)])
    by_rank = projections(means)
    for size in sizes:
        if size > means.shape[1]:
            continue
        restored = unbiased(by_rank(size)(test.noisy))
        yield Point(std, "PCA", size, [psnr(restored, test.clean).mean().item()])
    mapped = regressions(training.noisy.flatten(1), training.clean.flatten(1))(1e-6)
    restored = mapped(test.noisy).clamp(0, 1)
    yield Point(std, "linear (Wiener)", None, [psnr(restored, test.clean).mean().item()])


def plot(points: list[Point], path: Path) -> None:
    from matplotlib.figure import Figure

    levels = sorted({point.std for point in points})
    methods = list(dict.fromkeys(point.method for point in points))
    figure = Figure(figsize=(5 * len(levels), 4), layout="constrained")
    for axis, std in zip(figure.subplots(1, len(levels), squeeze=False)[0], levels, strict=True):
        by_method: defaultdict[str, list[Point]] = defaultdict(list)
        for point in points:
            if point.std == std:
                by_method[point.method].append(point)
        for number, method in enumerate(methods):
            found = by_method[method]
            style: dict[str, Any] = {"color": f"C{number}", "label": method}
            if found and found[0].size is None:
                axis.axhline(found[0].mean, linestyle="--", **style)
            else:
                line = sorted((point.size or 0, point.mean, point.deviation) for point in found)
                sizes, means, deviations = zip(*line, strict=True)
                axis.errorbar(sizes, means, deviations, marker="o", capsize=3, **style)
        axis.set_xscale("log", base=2)
        ticks = sorted({point.size for point in points if point.size is not None})
        axis.set_xticks(ticks, [str(size) for size in ticks])
        axis.set_xlabel("numbers in the code")
        axis.set_ylabel("PSNR of test images (dB)")
        axis.set_title(f"noise of std {std}", fontsize=10)
        axis.grid(alpha=0.3)
    figure.legend(*axis.get_legend_handles_labels(), loc="outside right center", frameon=False)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bottleneck", description=__doc__)
    parser.add_argument("directories", nargs="+", type=expand)
    parser.add_argument("--output", type=expand, default=Path("outputs/bottleneck.png"))
    given = parser.parse_args()
    files = finished(given.directories)
    if not files:
        parser.error("there is no finished run below these directories")
    points = trained(files)
    sizes = sorted({point.size for point in points if point.size is not None})
    configs = {config.noise.std: config for config in map(config_of, files)}
    for std in sorted(configs):
        points += linear(configs[std], sizes)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    plot(points, given.output)
    kept = json.dumps([point._asdict() for point in points], indent=1)
    write_whole(given.output.with_suffix(".json"), kept + "\n")
    for point in points:
        size = "" if point.size is None else f"{point.size:4d}"
        print(f"std {point.std}  {point.method:16s} {size:4s}  {point.mean:.2f} dB")
    print(f"Drawn in {given.output}")


if __name__ == "__main__":
    main()
