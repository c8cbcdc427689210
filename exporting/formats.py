"""The formats by the names that export.py knows them by."""

from typing import Protocol

from denoisers.base import ImageModel
from exporting import onnx, safetensors, torch_export
from exporting.checks import Run


class Format(Protocol):
    """What each of the modules is."""

    SUFFIX: str  # of the new file, in place of the checkpoint's

    def require(self) -> None:
        """Raises ValueError where a package that writes or checks the format is missing."""

    def content(self, model: ImageModel, about: dict[str, str]) -> bytes:
        """What a file of the format holds: the model, and what there is to say about it."""

    def load(self, content: bytes) -> Run:
        """The model in such a file, run by what its users would run it with."""


FORMATS: dict[str, Format] = {
    "onnx": onnx,
    "torch_export": torch_export,
    "safetensors": safetensors,
}
