"""Restore pictures with a trained model. No noise is added.

python denoise.py checkpoint=outputs/…/checkpoints/best.ckpt input=photos/
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

# torch, and all that needs it, is imported inside the functions, so that a wrong path is refused at
# once.
if TYPE_CHECKING:
    from restoration.report import Report
    from restoration.restorer import Restorer
    from restoration.trained_on import Training


def denoise(cfg: DictConfig) -> list[Report]:
    """Restore all pictures that a config names, and write each with its reports beside it.

    Mistakes that can be known early are raised before the first picture is restored. Pictures that
    cannot be read, or do not fit their references, are named at the end, when all others are done.

    Raises:
        ValueError: A setting, the checkpoint or a picture is refused.
        OSError: A file is missing or cannot be written.
    """
    given = settings.checked(cfg)
    reference = Path(given["reference"]) if given["reference"] else None
    output = Path(given["output"]) if given["output"] else inputs.beside(given["input"])
    tasks = inputs.find(given["input"], output, reference, given["overwrite"])

    import torch
    from omegaconf import OmegaConf
    from rich.progress import track

    from cli.config import build
    from denoisers.checkpoint import load_model
    from restoration import report
    from restoration.restorer import Restorer
    from restoration.trained_on import Training, source_name

    cuda = torch.cuda.is_available()
    if given["device"] == "cuda" and not cuda:
        raise ValueError("device=cuda: torch finds no GPU here")
    device = "cuda" if cuda and given["device"] != "cpu" else "cpu"
    model, run = load_model(given["checkpoint"])
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
            reports.append(restore(task, restorer, training, given))
        except (ValueError, OSError) as error:
            failures.append(one_line(error))
    if reports:
        report.show(reports)
    if failures:
        raise ValueError(f"{len(failures)} of {len(tasks)} failed: {'; '.join(failures)}")
    return reports


def restore(
    task: inputs.Task, restorer: Restorer, training: Training, given: settings.Settings
) -> Report:
    """Restore one picture or stack, plane by plane, and write it with its reports.

    Transparency stays as it was.

    Args:
        task: The picture and its files.
        restorer: The restorer of the checkpoint's model.
        training: What the model was trained on, for the report.
        given: The settings of denoise.py.

    Raises:
        ValueError: The picture cannot be read, or does not fit its reference.
        OSError: A file cannot be written.
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
    values = range_of(task.source, stored, given["range"])
    clean = clean_planes(task, stored, values, given["range"])
    channels, height, width = stored.size
    pixels = np.empty((stored.count, channels + stored.alpha, height, width), stored.dtype)
    found, tile = [], None
    for plane, restored, right in zip(stored.planes(), pixels, clean, strict=True):
        signals.stop_if_asked()
        noisy = values.scaled(plane[:channels])
        tile = restorer.tile_for(torch.from_numpy(noisy))
        colours = restorer(torch.from_numpy(noisy)).numpy()
        mixed = colours + np.float32(given["strength"] - 1) * (colours - noisy)
        restored[:channels] = values.stored(mixed.clip(0, 1), stored.dtype)
        restored[channels:] = plane[channels:]
        # The report is about the numbers in the file, which may have been rounded.
        found.append(measures.measure(noisy, values.scaled(restored[:channels]), right))
    planes = report.Planes(stored.axes, stored.shape, [plane.noise_std for plane in found])
    lost = writing.write_picture(task.restored, pixels, kind, metadata_of(task.source))
    told = report.Report(
        task,
        given["checkpoint"],
        training,
        stored.size,
        tile,
        *measures.summary(found),
        values,
        stored.alpha,
        planes if stored.shape else None,
        lost,
        given["strength"],
    )
    report.write(told)
    return told


def no_sweep(arguments: list[str]) -> list[str]:
    """Refuse a multirun, which would only restore one list of pictures after another.

    Raises:
        ValueError: The arguments ask for a multirun.
    """
    if not {"-m", "--multirun"}.isdisjoint(arguments):
        raise ValueError("denoise.py has no multirun: give input a list, as 'input=[a/,b/]'")
    return []


@hydra.main(version_base="1.3", config_path="conf", config_name="denoise")
def main(cfg: DictConfig) -> None:
    try:
        with command.job():
            denoise(cfg)
    except signals.Interrupted as interruption:
        interruption.advice = "restored pictures are whole; overwrite=true restores all again"
        raise


if __name__ == "__main__":
    command.run(main, no_sweep)
