"""Export models for use elsewhere, and check them against the originals.

python export.py checkpoint=outputs/…/checkpoints/best.ckpt format=onnx
python export.py checkpoint='[outputs/…/best.ckpt,outputs/…/best.ckpt]' format=web output=page/
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from omegaconf import DictConfig

from cli import checkpoint_options, command
from groundwork.files import expand

if TYPE_CHECKING:
    from torch import Tensor

    from denoisers.base import ImageModel


def export(cfg: DictConfig) -> Path:
    """Export a model's `forward` with its metadata, or several to a page for a browser.

    Before the file is written, its bytes are loaded with the runtime that its users have. The
    outputs are compared with the original's on random and real images, for several batch sizes
    and, if the model takes images of any size, for several sizes.

    Returns:
        The new file, or the folder of the page.

    Raises:
        ValueError: A setting is wrong, the new file exists already, or the exported model differs.
            Nothing is written.
        FileNotFoundError: There is no checkpoint, or no real images.
        OSError: The file could not be written.
    """
    from denoisers.checkpoint import load_model
    from exporting.about import describe_export, metrics_beside
    from exporting.checks import largest_difference
    from exporting.formats import WEB, format_named
    from exporting.settings import check_settings
    from groundwork.environment import isolated
    from groundwork.files import whole_file

    check_settings(cfg)
    if cfg.format == WEB:
        from exporting.web_page import write_page

        return write_page(cfg)
    format = format_named(cfg.format)
    if not isinstance(cfg.checkpoint, str):
        raise ValueError(f"checkpoint: format={cfg.format} takes one, format={WEB} takes a list")
    checkpoint = expand(cfg.checkpoint)
    output = output_file(cfg.output, checkpoint, cfg.format)
    if output.exists():
        raise ValueError(f"{output} exists already: give another output")
    format.require()
    with isolated():
        model, run = load_model(checkpoint)
        metrics = metrics_beside(checkpoint, run)
        images = real_images(cfg, model) if cfg.check == "real" else None
        content = format.content(model, describe_export(model, run, metrics, cfg.licence))
        difference = largest_difference(model, format.load(content), images)
    with whole_file(output) as file:
        file.write(content)
    compared = "random" if images is None else f"random and {len(images)} real"
    print(
        f"{output}: {type(model).__name__}, {len(content):,} bytes; it differs from the original "
        f"by {difference:.1e} at most, on {compared} images"
    )
    if metrics is None:
        print("The file has no metrics: only best.ckpt in a run's directory has been measured")
    return output


def output_file(given: str | None, checkpoint: Path, format: str) -> Path:
    """Choose the new file.

    Args:
        given: A file, a folder for one that is named like the checkpoint, or None for the
            checkpoint's folder.
        checkpoint: The checkpoint.
        format: The name of the format.

    Raises:
        ValueError: The file's name belongs to another format.
    """
    from exporting.formats import FORMATS

    named = checkpoint.with_suffix(FORMATS[format].SUFFIX)
    if given is None:
        return named
    output = expand(given)
    if given.endswith(("/", os.sep)) or output.is_dir():
        return output / named.name
    suffix = FORMATS[format].SUFFIX
    if output.suffix and not suffix.endswith(output.suffix):
        raise ValueError(
            f"output={given}: a file of format={format} ends in {suffix}; the formats are "
            + ", ".join(f"{name} ({other.SUFFIX})" for name, other in FORMATS.items())
        )
    return output


def real_images(cfg: DictConfig, model: ImageModel) -> Tensor:
    """Return the first noisy test images, B C H W, as many as the check's largest batch has.

    Raises:
        ValueError: The model does not take images of their size.
        FileNotFoundError: The images are not there and cannot be downloaded.
    """
    import torch

    from cli.config import build
    from exporting.checks import BATCHES

    data = build(cfg.data, "data", noise=build(cfg.noise, "noise"))
    if not model.takes(data.image_shape):
        raise ValueError(f"data has images of {data.image_shape}, not of {model.image_shape}")
    try:
        data.prepare_data()
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{error} For a check on random images alone: check=random"
        ) from error
    data.setup("test")
    return data.eval_batch("test", torch.arange(min(BATCHES[-1], data.size("test")))).noisy


@hydra.main(version_base="1.3", config_path="conf", config_name="export")
def main(cfg: DictConfig) -> None:
    with command.job():
        export(cfg)


if __name__ == "__main__":
    command.run(main, checkpoint_options.score)
