"""Exports of small models, each made once."""

from pathlib import Path
from typing import Any

import pytest
import torch

import export
from cli import checkpoint_options
from denoisers.base import ImageModel
from denoisers.checkpoint import describe
from denoisers.composite import Composite
from denoisers.optimizer import OptimizerSettings
from exporting import onnx as onnx_format
from tests.helpers.models import new_model
from tests.helpers.runs import DENSE, compose, read, trained
from tests.helpers.shared import once

ONNX = pytest.mark.skipif(
    bool(onnx_format.missing()), reason="ONNX comes with pip install '.[onnx]'"
)
SMALL: dict[
    str, dict[str, Any]
] = {  # smaller models, since following sizes through the layers takes long
    "vae": {"hidden": [16], "latent_dim": 4},
    "classifier": {"channels": [4, 4], "hidden": 8},
    "conv_upsample": {"channels": [4, 8]},
    "conv_transposed": {"channels": [4, 8]},
    "unet": {"channels": [4, 8]},
    "dncnn": {"depth": 3, "width": 4},
    "residual_unet": {"channels": [4, 8], "blocks": [1, 1]},
}
LICENCE = "CC0-1.0"


def checkpoint_of(name: str) -> Path:
    """Return the best checkpoint of a trained run for "dense".

    For other names it has another small model, with random weights and random batch statistics.
    """
    if name == "dense":
        return trained(*DENSE).best
    return once(lambda folder: save_checkpoint(name, folder / "best.ckpt"), "exported", name)


def save_checkpoint(name: str, file: Path) -> Path:
    torch.manual_seed(0)
    if name == "composite":
        parts = {part: describe(new_model(part, **SMALL[part])) for part in ("vae", "classifier")}
        optimizer: OptimizerSettings = {
            "lr": 0.001,
            "schedule": "exponential",
            "lr_decay": 0.9,
            "warmup": 0.0,
            "weight_decay": 0.0,
            "muon_lr": None,
        }
        model: ImageModel = Composite(parts["vae"], parts["classifier"], False, 1.0, optimizer, 0)
    else:
        model = new_model(name, **SMALL[name])
    state = model.state_dict()
    for key, values in state.items():
        if "running" in key:
            values.uniform_(0.5, 1.5)
    described = describe(model)
    content = read(trained(*DENSE).best)
    content |= {"state_dict": state, "hyper_parameters": described["arguments"]}
    content["optimizer_states"] = []  # they are large, and belong to another model
    content["run"]["model"] = described["name"]
    torch.save(content, file)
    return file


def exported(name: str, format: str) -> Path:
    """Export a model once for all tests that only read the file."""
    chosen = (f"format={format}", f"licence={LICENCE}")
    names = ("exported", name, format)
    return once(lambda folder: export_to(folder / "model", checkpoint_of(name), *chosen), *names)


def export_to(output: Path, checkpoint: Path, *overrides: str) -> Path:
    """Export a checkpoint as export.py's command line does."""
    arguments = [f"checkpoint={checkpoint}", f"output={output}", *overrides]
    return export.export(compose("export", *arguments, *checkpoint_options.score(arguments)))
