"""Safetensors: the weights, with the model's class and arguments in the metadata."""

import json

import safetensors.torch
import torch
from torch import Tensor

from denoisers.base import ImageModel
from denoisers.checkpoint import build_model
from exporting.checks import Run, outputs

# Training writes best.safetensors, which has the weights alone.
SUFFIX = ".model.safetensors"


def require() -> None:
    """Nothing is missing: training needs the package too."""


def content(model: ImageModel, about: dict[str, str]) -> bytes:
    weights = {name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()}
    return safetensors.torch.save(weights, metadata=about)


def load(content: bytes) -> Run:
    about = metadata(content)
    model = build_model(about["model"], json.loads(about["arguments"]))
    model.load_state_dict(safetensors.torch.load(content))
    model.eval()

    def run(images: Tensor) -> tuple[Tensor, ...]:
        with torch.inference_mode():
            return outputs(model(images))

    return run


def metadata(content: bytes) -> dict[str, str]:
    """Return the metadata in a file's bytes.

    They begin with the length of a JSON header, in 8 bytes, and the header itself.
    """
    length = int.from_bytes(content[:8], "little")
    about: dict[str, str] = json.loads(content[8 : 8 + length])["__metadata__"]
    return about
