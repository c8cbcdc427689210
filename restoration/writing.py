"""The files of restored pictures, of the original's kind and depth."""

from pathlib import Path

import numpy as np

from groundwork.files import whole_file
from restoration import png, tiff
from restoration.about import Metadata
from restoration.samples import Kind


def write_picture(
    path: Path, planes: np.ndarray, kind: Kind, metadata: Metadata
) -> tuple[str, ...]:
    """Write a picture or a stack without loss, as PNG or TIFF.

    Args:
        path: The file. Its suffix chooses the format.
        planes: P C H W. P is 1 except for stacks, which only TIFFs hold.
        kind: What the file has in common with the original.
        metadata: The metadata to write.

    Returns:
        Metadata of the original that this file cannot hold, in words for the user.

    Raises:
        OSError: The file cannot be written.
    """
    channels = planes.shape[1]
    channels_last = np.ascontiguousarray(np.moveaxis(planes, 1, -1))
    pixels = channels_last[..., 0] if channels == 1 else channels_last
    pixels = pixels.reshape(*kind.shape, *pixels.shape[1:])
    metadata = with_fitting_profile(metadata, channels)
    if path.suffix == ".png":
        content, written = png.encoded(pixels, metadata)
    else:
        content, written = tiff.encoded(pixels, metadata, kind)
    with whole_file(path) as file:
        file.write(content)
    return written.lost


def with_fitting_profile(metadata: Metadata, channels: int) -> Metadata:
    """Drop a colour profile for another kind of colour than the picture's: readers refuse those."""
    profile = metadata.profile
    space = b"GRAY" if channels < 3 else b"RGB "
    if profile is None or profile[16:20] == space:
        return metadata
    name = profile[16:20].decode("latin-1").strip()
    kind = "grey" if channels < 3 else "colour"
    return metadata.without(f"a colour profile for {name}, not for a {kind} picture", profile=None)
