"""The formats that `export.py` writes, by the names that its setting `format` takes."""

from typing import Protocol

from cli.suggestions import suggest
from denoisers.base import ImageModel
from exporting import onnx, safetensors, torch_export
from exporting.checks import Run


class Format(Protocol):
    """What the module of a format provides.

    Attributes:
        SUFFIX: The end of the new file's name. It replaces the checkpoint's suffix.
    """

    SUFFIX: str

    def require(self) -> None:
        """Check that the packages are installed that write and load the format.

        Raises:
            ValueError: A package is missing.
        """

    def content(self, model: ImageModel, about: dict[str, str]) -> bytes:
        """Return the bytes of a file with the model and its metadata.

        Args:
            model: The model to export.
            about: The metadata, as `describe_export` returns it.
        """

    def load(self, content: bytes) -> Run:
        """Load a file's bytes with the runtime that its users have."""


FORMATS: dict[str, Format] = {
    "onnx": onnx,
    "torch_export": torch_export,
    "safetensors": safetensors,
}
WEB = "web"  # a folder for several models, which exporting/web_page.py writes


def format_named(name: str) -> Format:
    """Look a format up.

    Raises:
        ValueError: There is no such format.
    """
    if name not in FORMATS:
        choices = suggest(name, [*FORMATS, WEB], "format=")
        raise ValueError(f"format={name}: there is no such format, {choices}")
    return FORMATS[name]
