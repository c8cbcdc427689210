"""A folder with a page for a browser: the built page of web/, models and test images.

web/src/laboratory.ts describes what is in it.
"""

import importlib.metadata
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from cli.config import build
from datamodules.images import ImageDataModule
from denoisers import pretrained
from denoisers.checkpoint import load_model
from exporting import onnx
from exporting.about import PROJECT
from exporting.checks import BATCHES
from exporting.formats import WEB
from exporting.web_models import (
    Exported,
    Trained,
    distinct,
    export_model,
    export_photograph,
    kind_of,
)
from groundwork.environment import isolated
from groundwork.files import REPOSITORY, expand, whole_folder

BUILT = REPOSITORY / "web" / "dist"  # what `npm run build` writes
DEFAULT = "page"
IMAGE_SHAPE = (1, 28, 28)  # of what is drawn on the page, too
PER_CLASS = 10  # test images to choose from
LABORATORY, IMAGES = "laboratory.json", "images.bin"


def write_page(cfg: DictConfig) -> Path:
    """Write a page with the models of some checkpoints, and the weights for photographs.

    Each model is compared with the original, as other formats are. Nothing is written until all
    are exported.

    Returns:
        The new folder.

    Raises:
        ValueError: A setting is wrong, a checkpoint has no place on the page, or an exported model
            differs from the original.
        FileNotFoundError: There is no checkpoint, or no images, or the page is not built.
        OSError: The folder could not be written.
    """
    given = [cfg.checkpoint] if isinstance(cfg.checkpoint, str) else [*cfg.checkpoint]
    output = expand(cfg.output or DEFAULT)
    _require_free(output)
    onnx.require(WEB)
    if not (BUILT / "index.html").is_file():
        raise FileNotFoundError(
            f"the page is not built: make page CHECKPOINTS='[{','.join(given)}]' builds it (with "
            "Node 20) and exports these models"
        )
    with isolated():
        trained = [_read(path) for path in given]
        _require_same_data(trained)
        data = _data(cfg)
        exported = _export(trained, cfg, data)
        photograph = export_photograph()
        laboratory, images = _laboratory(exported, photograph, data)
    with whole_folder(output) as folder:
        shutil.copytree(BUILT, folder, dirs_exist_ok=True)
        (folder / "models").mkdir()
        for each in (*exported, photograph):
            for name, content in each.files.items():
                (folder / name).write_bytes(content)
        (folder / IMAGES).write_bytes(images)
        (folder / LABORATORY).write_text(json.dumps(laboratory, indent=2, allow_nan=False) + "\n")
    difference = max(each.difference for each in (*exported, photograph))
    models = "1 model" if len(exported) == 1 else f"{len(exported)} models"
    print(
        f"{output}: {models} and {photograph.entry['name']}; they differ from the "
        f"originals by {difference:.1e} at most; to see the page: python -m http.server "
        f"--directory {output}"
    )
    return output


def _require_free(output: Path) -> None:
    if output.is_dir() and any(output.iterdir()):
        raise ValueError(f"{output} exists already, and is not empty: give another output")
    if output.exists() and not output.is_dir():
        raise ValueError(f"{output} is a file: format={WEB} writes a folder, give another output")


def _read(given: str) -> Trained:
    """Read a checkpoint.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no checkpoint, or its images are not those of the page.
    """
    if given in pretrained.names():
        raise ValueError(
            f"checkpoint={given}: leave it out, every page restores photographs with the weights "
            "that ship; give models of garments"
        )
    path = expand(given)
    model, run = load_model(path)
    if model.image_shape != IMAGE_SHAPE:
        theirs, ours = (" x ".join(map(str, shape)) for shape in (model.image_shape, IMAGE_SHAPE))
        raise ValueError(f"{path} is for images of {theirs}, the page has images of {ours}")
    return Trained(path, model, run)


def _require_same_data(trained: Sequence[Trained]) -> None:
    first, *others = trained
    for other in others:
        if other.run["split"] != first.run["split"]:
            raise ValueError(
                f"{other.path} was trained on other data than {first.path}, or held out other "
                "images for validation: the models of a page share their data"
            )


def _data(cfg: DictConfig) -> ImageDataModule:
    """Load the test images.

    Raises:
        ValueError: They are not those of the page.
        FileNotFoundError: They are not there and cannot be downloaded.
    """
    data: ImageDataModule = build(cfg.data, "data", noise=build(cfg.noise, "noise"))
    if data.image_shape != IMAGE_SHAPE or not data.class_names:
        raise ValueError(
            "data: the page shows images of 1 x 28 x 28 in classes, as data=fashion_mnist has them"
        )
    data.prepare_data()
    data.setup("test")
    return data


def _export(trained: Sequence[Trained], cfg: DictConfig, data: ImageDataModule) -> list[Exported]:
    images = None
    if cfg.check == "real":
        images = data.eval_batch("test", torch.arange(min(BATCHES[-1], data.size("test")))).noisy
    names = distinct(kind_of(each.model) for each in trained)
    return [
        export_model(each, name, cfg.licence, data, images)
        for each, name in zip(trained, names, strict=True)
    ]


def _laboratory(
    exported: Sequence[Exported], photograph: Exported, data: ImageDataModule
) -> tuple[dict[str, Any], bytes]:
    """Return what laboratory.json and images.bin hold."""
    chosen = data.examples("test", PER_CLASS)
    images = (255 * data.eval_batch("test", chosen).clean).round().to(torch.uint8)
    laboratory = {
        "project": f"{PROJECT} {importlib.metadata.version(PROJECT)}",
        "images": {
            "file": IMAGES,
            "shape": [*images.shape],
            "labels": data.labels("test")[chosen].tolist(),
            "classNames": [*data.class_names],
            "name": type(data).__name__,
            "licence": data.licence,
        },
        "models": [each.entry for each in exported],
        "photograph": photograph.entry,
    }
    return laboratory, images.numpy().tobytes()
