"""Do intervals hold on test images, and how wide are they?

    python -m benchmarks.intervals dense=best.ckpt vae=best.ckpt --levels 0.3 0.5 0.7

Each model is calibrated as eval.py does, at each level of its noise, with several splits of the
validation images into the half that fits the widths and the half that calibrates. The test images
are only scored. On the validation images, at equal coverage, the widths are compared with constant
ones, with the spread over the eight symmetries, and for a VAE with the spread over its draws.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.command import one_line
from benchmarks.machine import machine
from groundwork.files import expand, write_json, write_whole
from groundwork.machine import tune_process

# torch is imported inside the functions: it must find the threads set.
if TYPE_CHECKING:
    from torch import Tensor

    from datamodules.images import ImageDataModule, Split
    from denoisers.denoiser import Denoiser
    from denoisers.intervals.widths import Images
    from reporting.tables import Table

PROGRAM = "python -m benchmarks.intervals"
BATCH = 500  # images


def score(
    path: str, levels: Sequence[float], level: float, delta: float, splits: int
) -> Iterator[dict[str, Any]]:
    """Calibrate and score a model at each level of its noise, and compare heuristics.

    Args:
        path: The checkpoint.
        levels: Of the noise.
        level: The share of pixels inside.
        delta: The probability that the guarantee fails.
        splits: How many splits of the validation images there are.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: It restores no images, or has too few for validation.
    """
    import torch
    from omegaconf import OmegaConf

    from cli.config import build
    from denoisers.checkpoint import load_model
    from evaluation.scoring import denoiser_of

    model, run = load_model(path)
    denoiser = denoiser_of(model)
    if denoiser is None:
        raise ValueError(f"{path}: a {type(model).__name__} restores no images")
    noise = build(OmegaConf.create(run["noise"]), "noise")
    data = build(OmegaConf.create(run["data"]), "data", noise=noise)
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    for strength in levels:
        noisier = data.with_noise(noise.at(strength))
        with torch.inference_mode():
            found = at_level(denoiser, noisier, level, delta, splits)
        yield {"noise_level": strength, **found}


def at_level(
    model: Denoiser, data: ImageDataModule, level: float, delta: float, splits: int
) -> dict[str, Any]:
    """Return the splits' coverage and mean widths on test, and heuristics' on validation images."""
    import torch

    from denoisers.intervals.calibration import calibrate
    from denoisers.intervals.features import features
    from denoisers.intervals.widths import Images

    held_out, test = restored(model, data, "val"), restored(model, data, "test")
    # All features of the test images at once, since only their weights differ between the splits.
    table = torch.stack([*features(test.noisy, test.restored)], -1)

    def images(index: Tensor) -> Iterator[Images]:
        return (Images(*(each[part] for each in held_out)) for part in index.split(BATCH))

    found = []
    for seed in range(splits):
        calibrated = calibrate(images, len(held_out.clean), level, delta, seed)
        scored = {}
        for name, (widths, scale) in zip(("fitted", "constant"), calibrated, strict=True):
            weights = torch.tensor(widths.weights)
            order = table @ weights if len(weights) else torch.zeros_like(test.clean)
            below, above = widths.at(order)
            scored[name] = inside_and_width(test, scale * below, scale * above)
        found.append({"seed": seed, **scored})
    return {"splits": found, "validation": heuristics(model, held_out, level)}


def restored(model: Denoiser, data: ImageDataModule, split: Split) -> Images:
    import torch

    from denoisers.intervals.widths import Images

    batch = data.eval_batch(split, torch.arange(data.size(split)))
    made = torch.cat([model(part).float() for part in batch.noisy.split(BATCH)])
    return Images(batch.noisy, made, batch.clean)


def inside_and_width(images: Images, below: Tensor, above: Tensor) -> dict[str, float]:
    """Return the share of pixels inside of their intervals, and the intervals' mean width."""
    lower = (images.restored - below).clamp(min=0)
    upper = (images.restored + above).clamp(max=1)
    inside = (images.clean >= lower) & (images.clean <= upper)
    return {
        "coverage": inside.double().mean().item(),
        "width": (upper - lower).double().mean().item(),
    }


def heuristics(model: Denoiser, images: Images, level: float) -> dict[str, float]:
    """Return mean widths at the same coverage, of several heuristics, on validation images.

    Each is fitted to one half, and scaled so that just the share `level` of the other half's pixels
    lies inside.
    """
    import torch

    from denoisers.intervals.widths import Images, at_knots, expected, fit
    from denoisers.symmetries import COUNT, turned, turned_back
    from denoisers.vae import VAE
    from evaluation.vae import predict
    from groundwork.seeding import generator

    first, second = (
        Images(*halves) for halves in zip(*(each.chunk(2) for each in images), strict=True)
    )
    fitted, constant = fit([first], first.clean.numel(), 1 - level)
    orders = {"constant": torch.zeros_like(images.clean)}
    orders["features"] = expected(fitted.weights, images.noisy, images.restored)
    spreads = [
        torch.stack([turned_back(model(turned(part, n)), n) for n in range(COUNT)]).std(0)
        for part in images.noisy.split(BATCH)
    ]
    orders["symmetries"] = torch.cat(spreads)
    if isinstance(model, VAE):
        random = generator("cpu", "interval draws")
        parts = images.noisy.split(BATCH)
        orders["draws"] = torch.cat([predict(model, part, random).spread for part in parts])
    found = {}
    for name, order in orders.items():
        ahead, behind = order.chunk(2)
        error = (first.clean - first.restored).flatten()
        kind = constant if name == "constant" else at_knots([], ahead.flatten(), error, 1 - level)
        below, above = kind.at(behind)
        error = second.clean - second.restored
        least = torch.maximum(-error / below, error / above).flatten()
        scale = least.kthvalue(round(level * len(least))).values
        found[name] = inside_and_width(second, scale * below, scale * above)["width"]
    return found


def table_of(results: Sequence[dict[str, Any]], level: float) -> Table:
    """Describe coverage and widths on test images: the mean over splits, and the extremes."""
    from reporting.tables import Table

    rows = []
    for found in results:
        covered = [split["fitted"]["coverage"] for split in found["splits"]]
        width, constant = (
            statistics.fmean(split[kind]["width"] for split in found["splits"])
            for kind in ("fitted", "constant")
        )
        rows.append(
            [
                found["model"],
                f"{found['noise_level']:g}",
                f"{statistics.fmean(covered):.2%}",
                f"{min(covered):.2%} to {max(covered):.2%}",
                f"{width:.3f}",
                f"{constant:.3f}",
            ]
        )
    header = ["model", "noise", "coverage", "over the splits", "mean width", "constant"]
    return Table(f"Intervals for {level:.0%} of pixels, on the test images", header, rows)


def table_of_heuristics(results: Sequence[dict[str, Any]]) -> Table:
    """Describe the mean widths of heuristics at equal coverage, on validation images."""
    from reporting.tables import Table

    names = list(dict.fromkeys(name for found in results for name in found["validation"]))
    rows = [
        [
            found["model"],
            f"{found['noise_level']:g}",
            *(f"{found['validation'][n]:.3f}" if n in found["validation"] else "" for n in names),
        ]
        for found in results
    ]
    return Table(
        "Mean widths at equal coverage, on validation images", ["model", "noise", *names], rows
    )


def _run(given: argparse.Namespace) -> None:
    """Raises ValueError or OSError for what a user can mend."""
    output = given.output or Path(time.strftime("outputs/intervals_%Y-%m-%d_%H-%M-%S"))
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ValueError(f"--output {output} exists already: give a new folder")
    tune_process()
    from rich.console import Console

    from groundwork.environment import environment

    about = machine() | environment() | {"command": f"{PROGRAM} {' '.join(sys.argv[1:])}"}
    about |= {"level": given.interval, "delta": given.delta}
    results: list[dict[str, Any]] = []
    for name in given.models:
        label, _, path = name.partition("=")
        scores = score(path or label, given.levels, given.interval, given.delta, given.splits)
        for found in scores:
            results.append({"model": label, **found})
            write_json(output / "results.json", about | {"results": results})
            tables = [table_of(results, given.interval), table_of_heuristics(results)]
            parts = [f"## {made.title}\n\n{made.as_markdown()}\n" for made in tables]
            write_whole(output / "table.md", "\n".join(parts))
    console = Console(width=None if sys.stdout.isatty() else 140)
    for made in tables:
        console.print(f"\n{made.title}", made.for_terminal(), sep="\n", highlight=False)
    print(f"The tables, and all numbers as JSON, are in {output}")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("models", nargs="+", metavar="model", help="a checkpoint, or name=checkpoint")
    add("--levels", nargs="+", type=float, required=True, help="levels of the noise")
    add("--interval", type=float, default=0.9, help="the share of pixels inside; default: 0.9")
    add("--delta", type=float, default=0.1, help="the chance that it fails; default: 0.1")
    add("--splits", type=int, default=5, help="of the validation images; default: 5")
    add("--output", type=expand, help="a new folder; default: outputs/intervals_DATE")
    given = parser.parse_args()
    with one_line(PROGRAM):
        _run(given)


if __name__ == "__main__":
    main()
