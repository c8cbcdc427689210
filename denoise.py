"""Restore pictures with a trained model: it takes noise away, and never adds any.

python denoise.py checkpoint=outputs/…/checkpoints/best.ckpt input=photos/ output=restored/
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from omegaconf import DictConfig

from restoring import inputs, settings
from runs import cli, signals
from runs.messages import one_line

# torch, and all that needs it, is imported inside the functions: a wrong path is then told at once.
if TYPE_CHECKING:
    from restoring.report import Report
    from restoring.restorer import Restorer
    from restoring.training import Training


def denoise(cfg: DictConfig) -> list[Report]:
    """Restore all pictures that a config names; each is written with its reports beside it.

    Raises ValueError or OSError for what a user can mend: before the first picture is restored
    where it can be known by then. A picture that cannot be read, or does not fit its reference, is
    told of in the end, when all others are done.
    """
    given = settings.checked(cfg)
    reference = Path(given.reference) if given.reference else None
    tasks = inputs.find(given.input, Path(given.output), reference, given.overwrite)

    import torch
    from omegaconf import OmegaConf
    from rich.progress import track

    from denoisers.checkpoint import load_model
    from restoring import report
    from restoring.restorer import Restorer
    from restoring.training import Training, source_name
    from runs.config import build
    from runs.from_checkpoint import require_noise

    cuda = torch.cuda.is_available()
    if given.device == "cuda" and not cuda:
        raise ValueError("device=cuda: torch finds none here")
    device = "cuda" if cuda and given.device != "cpu" else "cpu"
    model, run = load_model(given.checkpoint)
    require_noise(run["noise"])
    tile = None if given.tile == "auto" else int(given.tile)
    restorer = Restorer(model, tile, torch.device(device))
    training = Training(
        type(model).__name__,
        source_name(run["data"]),
        restorer.image_shape,
        restorer.any_size,
        build(OmegaConf.create(run["noise"]), "noise"),
    )
    reports, failures = [], []
    for task in track(tasks, "restoring", transient=True):
        signals.stop_if_asked()
        try:
            reports.append(restore(task, restorer, given.checkpoint, training))
        except (ValueError, OSError) as error:
            failures.append(one_line(error))
    if reports:
        report.show(reports)
    if failures:
        raise ValueError(f"{len(failures)} of {len(tasks)} failed: {'; '.join(failures)}")
    return reports


def restore(task: inputs.Task, restorer: Restorer, checkpoint: str, training: Training) -> Report:
    """Restore one picture, and write it with its reports.

    Raises ValueError for one that cannot be read or does not fit its reference.
    """
    import torch

    from datamodules.pictures import read_picture
    from restoring import report, writing
    from restoring.noise_level import estimate_std
    from restoring.residual import residual_of
    from restoring.scores import scores

    noisy = read_picture(task.source)
    clean = None if task.reference is None else read_picture(task.reference)
    if clean is not None and clean.shape != noisy.shape:
        raise ValueError(
            f"{task.source} is of (channels, height, width) {tuple(noisy.shape)}, its reference "
            f"{task.reference} of {tuple(clean.shape)}"
        )
    kind = writing.kind_of(task.source)
    samples = writing.quantised(restorer(noisy), kind)
    # What is written is also what is reported on.
    restored = torch.from_numpy(writing.scaled(samples))
    pictures = {"noisy": noisy, "restored": restored}
    channels, height, width = noisy.shape
    noise_std = estimate_std(noisy.numpy())
    found = report.Report(
        task,
        checkpoint,
        training,
        (channels, height, width),
        restorer.tile_for(noisy),
        noise_std,
        residual_of(noisy.numpy(), restored.numpy(), noise_std),
        None if clean is None else {name: scores(p, clean) for name, p in pictures.items()},
    )
    writing.write_picture(task.restored, samples, kind)
    report.write(found)
    return found


def no_sweep(arguments: list[str]) -> list[str]:
    """Raises ValueError for a multirun, which would only do one list of pictures after another."""
    if not {"-m", "--multirun"}.isdisjoint(arguments):
        raise ValueError("denoise.py has no multirun: give input a list, as 'input=[a/,b/]'")
    return []


@hydra.main(version_base="1.3", config_path="conf", config_name="denoise")
def main(cfg: DictConfig) -> None:
    try:
        with cli.job():
            denoise(cfg)
    except signals.Interrupted as interruption:
        interruption.advice = "what is restored is whole; overwrite=true begins again"
        raise


if __name__ == "__main__":
    cli.run(main, no_sweep)
