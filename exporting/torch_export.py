"""An archive of `torch.export`, which torch runs without this project.

The metadata is in its extra file `about.json`.
"""

import io
import json

import torch
from torch import Tensor

from denoisers.base import ImageModel
from exporting.checks import Run, outputs
from exporting.tracing import trace

SUFFIX = ".pt2"
ABOUT = "about.json"


def require() -> None:
    """Nothing is missing: torch writes and loads the format."""


def content(model: ImageModel, about: dict[str, str]) -> bytes:
    file = io.BytesIO()
    torch.export.save(trace(model), file, extra_files={ABOUT: json.dumps(about, indent=2)})
    return file.getvalue()


def load(content: bytes) -> Run:
    module = torch.export.load(io.BytesIO(content)).module()

    def run(images: Tensor) -> tuple[Tensor, ...]:
        with torch.inference_mode():
            return outputs(module(images))

    return run
