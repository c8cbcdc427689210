"""Restored pictures as files of the kind and depth that the original has."""

from pathlib import Path

import numpy as np

from groundwork.files import whole_file
from restoration import png, tiff
from restoration.about import Metadata
from restoration.samples import Kind


def write_picture(
    path: Path, planes: np.ndarray, kind: Kind, metadata: Metadata
) -> tuple[str, ...]:
    """Write a picture or a stack, losslessly, as PNG or, where the name says so, as TIFF.

    Args:
        path: Where to.
        planes: P C H W. P is 1 but for stacks, which only TIFFs hold.
        kind: What the file has in common with the original.
        metadata: What the file is to say beside the pixels.

    Returns:
        What the original said and this file can't, in a reader's words.

    Raises:
        OSError: It cannot be written.
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
    """Without a profile for another kind of colour than the picture has: readers refuse those."""
    profile = metadata.profile
    space = b"GRAY" if channels < 3 else b"RGB "
    if profile is None or profile[16:20] == space:
        return metadata
    name = profile[16:20].decode("latin-1").strip()
    kind = "grey" if channels < 3 else "colour"
    return metadata.without(f"a colour profile for {name}, not for a {kind} picture", profile=None)
