"""The clean pictures that restored pictures are compared with."""

from collections.abc import Iterator
from itertools import repeat

import numpy as np

from datamodules.pictures import open_picture, range_of
from datamodules.stored import Stored
from datamodules.value_range import Given, ValueRange, spoken
from restoration.inputs import Task


def clean_planes(
    task: Task, noisy: Stored, values: ValueRange, given: Given
) -> Iterator[np.ndarray | None]:
    """Read the clean plane for each plane of a picture.

    Args:
        task: The picture and its reference.
        noisy: The picture as stored.
        values: The picture's range. It applies to a reference with numbers of the same type.
        given: Which numbers of a reference of another type are black and white.

    Returns:
        Planes C H W, 1 for white, or None for each plane if there is no reference.

    Raises:
        ValueError: The reference has another size, or numbers outside of the picture's range.
    """
    if task.reference is None:
        return repeat(None, noisy.count)
    clean = open_picture(task.reference)
    if (clean.size, clean.shape) != (noisy.size, noisy.shape):
        raise ValueError(
            f"{task.source} has {_described(noisy)}, but its reference {task.reference} has "
            f"{_described(clean)}"
        )
    own = range_of(task.reference, clean, given)
    if (clean.dtype, clean.inverted) == (noisy.dtype, noisy.inverted):
        if max(own[:2]) > max(values[:2]) or min(own[:2]) < min(values[:2]):
            raise ValueError(
                f"{task.source} has numbers from {spoken(values.low, values.high)}, but its "
                f"reference {task.reference} from {spoken(own.low, own.high)}: say by range= what "
                "is white"
            )
        own = values
    return (own.scaled(plane[: clean.size[0]]) for plane in clean.planes())


def _described(stored: Stored) -> str:
    planes = f"{stored.count} planes of " if stored.shape else ""
    return f"{planes}(channels, height, width) {stored.size}"
