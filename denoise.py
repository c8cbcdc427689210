"""Restore pictures. No noise is added.

python denoise.py input=photo.jpg
python denoise.py input=photos/ checkpoint=outputs/…/checkpoints/best.ckpt
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
    from restoration.intervals import Intervals
    from restoration.methods import Method
    from restoration.report import Report


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
    bounded = given["intervals"] is not None
    tasks = inputs.find(given["input"], output, reference, given["overwrite"], bounded)

    from rich.progress import Progress

    from restoration import methods, report
    from restoration.intervals import Intervals

    reports, failures = [], []
    with Progress(transient=True, disable=not sys.stdout.isatty()) as bars:
        done = bars.add_task("restoring", total=len(tasks))
        learnt = bars.add_task("learning from the picture", visible=False)

        def learning(share: float) -> None:
            signals.stop_if_asked()
            bars.update(learnt, total=1, completed=share, visible=share < 1)

        wanted = Intervals(given) if bounded else None
        method = methods.method_of(given, learning)
        for task in tasks:
            signals.stop_if_asked()
            try:
                reports.append(restore(task, method, given, wanted))
            except (ValueError, OSError) as error:
                failures.append(one_line(error))
            bars.advance(done)
    if reports:
        report.show(reports)
    if failures:
        raise ValueError(f"{len(failures)} of {len(tasks)} failed: {'; '.join(failures)}")
    return reports


def restore(
    task: inputs.Task,
    method: Method,
    given: settings.Settings,
    wanted: Intervals | None = None,
) -> Report:
    """Restore one picture or stack, plane by plane, and write it with its reports.

    Transparency stays as it was.

    Args:
        task: The picture and its files.
        method: What restores a plane.
        given: The settings of denoise.py.
        wanted: The intervals to write, if any.

    Raises:
        ValueError: The picture cannot be read or restored, or does not fit its reference.
        OSError: A file cannot be written.
    """
    import numpy as np

    from datamodules.pictures import open_picture, range_of
    from estimation.noise_level import estimate_std
    from restoration import measures, methods, report, samples, triptych, writing
    from restoration.intervals import Ends
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
    ends = Ends(wanted, task, pixels, values) if wanted else None
    found, how, shown = [], None, None
    for index, (plane, restored, right) in enumerate(
        zip(stored.planes(), pixels, clean, strict=True)
    ):
        signals.stop_if_asked()
        noisy = values.scaled(plane[:channels])
        if index == 0:
            method = methods.for_noise_of(method, noisy)
        std = estimate_std(noisy) if given["sigma"] is None else given["sigma"]
        try:
            colours, how = method(noisy, std)
            if ends:
                ends.add(plane, noisy, colours, std)
        except ValueError as error:
            raise ValueError(f"{task.source}: {error}") from None
        if given["strength"] != 1:
            colours = colours + np.float32(given["strength"] - 1) * (colours - noisy)
            colours.clip(0, 1, out=colours)
        restored[:channels] = values.stored(colours, stored.dtype)
        del colours
        if how.noise_is_correlated and given["sigma"] is None:
            std = None  # the estimate is that of white noise
        restored[channels:] = plane[channels:]
        # The report is about the numbers in the file, which may have been rounded.
        written = values.scaled(restored[:channels])
        found.append(measures.measure(noisy, written, right, std))
        if index == stored.count // 2:
            shown = noisy, written
    assert how is not None  # a picture has a plane
    assert shown is not None
    planes = report.Planes(stored.axes, stored.shape, [plane.noise_std for plane in found])
    lost = writing.write_picture(task.restored, pixels, kind, metadata_of(task.source))
    if ends:
        ends.write(kind, metadata_of(task.source))
    triptych.write(task.triptych, *shown)
    told = report.Report(
        task,
        how,
        stored.size,
        *measures.summary(found),
        values,
        stored.alpha,
        planes if stored.shape else None,
        lost,
        given["sigma"],
        given["strength"],
        ends.about if ends else None,
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
