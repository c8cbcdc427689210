"""Restore pictures with a trained model: it takes noise away, and never adds any.

python denoise.py checkpoint=outputs/…/checkpoints/best.ckpt input=photos/ output=restored/
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from omegaconf import DictConfig

from cli import command, signals
from cli.messages import one_line
from restoration import inputs, settings

# torch, and all that needs it, is imported inside the functions: a wrong path is then told at once.
if TYPE_CHECKING:
    from datamodules.value_range import Given
    from restoration.report import Report
    from restoration.restorer import Restorer
    from restoration.trained_on import Training


def denoise(cfg: DictConfig) -> list[Report]:
    """Restore all pictures that a config names; each is written with its reports beside it.

    Raises ValueError or OSError for what a user can mend: before the first picture is restored
    where it can be known by then. A picture that cannot be read, or does not fit its reference, is
    told of in the end, when all others are done.
    """
    given = settings.checked(cfg)
    reference = Path(given["reference"]) if given["reference"] else None
    tasks = inputs.find(given["input"], Path(given["output"]), reference, given["overwrite"])

    import torch
    from omegaconf import OmegaConf
    from rich.progress import track

    from cli.checkpoint_options import require_noise
    from cli.config import build
    from denoisers.checkpoint import load_model
    from restoration import report
    from restoration.restorer import Restorer
    from restoration.trained_on import Training, source_name

    cuda = torch.cuda.is_available()
    if given["device"] == "cuda" and not cuda:
        raise ValueError("device=cuda: torch finds none here")
    device = "cuda" if cuda and given["device"] != "cpu" else "cpu"
    model, run = load_model(given["checkpoint"])
    require_noise(run["noise"])
    tile = None if given["tile"] == "auto" else int(given["tile"])
    restorer = Restorer(model, tile, torch.device(device))
    training = Training(
        type(model).__name__,
        source_name(run["data"]),
        restorer.image_shape,
        restorer.any_size,
        build(OmegaConf.create(run["noise"]), "noise"),
    )
    reports, failures = [], []
    for task in track(tasks, "restoring", transient=True, disable=not sys.stdout.isatty()):
        signals.stop_if_asked()
        try:
            reports.append(restore(task, restorer, given["checkpoint"], training, given["range"]))
        except (ValueError, OSError) as error:
            failures.append(one_line(error))
    if reports:
        report.show(reports)
    if failures:
        raise ValueError(f"{len(failures)} of {len(tasks)} failed: {'; '.join(failures)}")
    return reports


def restore(
    task: inputs.Task, restorer: Restorer, checkpoint: str, training: Training, given: Given
) -> Report:
    """Restore one picture or stack, plane by plane, and write it with its reports.

    Transparency stays as it was. given: which of the file's numbers are black and white.

    Raises ValueError for one that cannot be read or does not fit its reference.
    """
    import numpy as np
    import torch

    from datamodules.pictures import open_picture, range_of
    from restoration import measures, report, samples, writing
    from restoration.metadata import metadata_of
    from restoration.reference import clean_planes

    stored = open_picture(task.source)
    kind = samples.kind_of(stored)
    if task.restored.suffix == ".png":
        samples.require_png_holds(task.source, kind)
    values = range_of(task.source, stored, given)
    clean = clean_planes(task, stored, values, given)
    channels, height, width = stored.size
    pixels = np.empty((stored.count, channels + stored.alpha, height, width), stored.dtype)
    found, tile = [], None
    for plane, restored, right in zip(stored.planes(), pixels, clean, strict=True):
        signals.stop_if_asked()
        noisy = values.scaled(plane[:channels])
        tile = restorer.tile_for(torch.from_numpy(noisy))
        colours = restorer(torch.from_numpy(noisy)).numpy()
        restored[:channels] = values.stored(colours, stored.dtype)
        restored[channels:] = plane[channels:]
        # What is written is also what is reported on.
        found.append(measures.measure(noisy, values.scaled(restored[:channels]), right))
    planes = report.Planes(stored.axes, stored.shape, [plane.noise_std for plane in found])
    # What the file can't say, the report does.
    lost = writing.write_picture(task.restored, pixels, kind, metadata_of(task.source))
    told = report.Report(
        task,
        checkpoint,
        training,
        stored.size,
        tile,
        *measures.summary(found),
        values,
        stored.alpha,
        planes if stored.shape else None,
        lost,
    )
    report.write(told)
    return told


def no_sweep(arguments: list[str]) -> list[str]:
    """Refuse a multirun, which would only do one list of pictures after another."""
    if not {"-m", "--multirun"}.isdisjoint(arguments):
        raise ValueError("denoise.py has no multirun: give input a list, as 'input=[a/,b/]'")
    return []


@hydra.main(version_base="1.3", config_path="conf", config_name="denoise")
def main(cfg: DictConfig) -> None:
    try:
        with command.job():
            denoise(cfg)
    except signals.Interrupted as interruption:
        interruption.advice = "what is restored is whole; overwrite=true begins again"
        raise


if __name__ == "__main__":
    command.run(main, no_sweep)
