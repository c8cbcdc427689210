"""The comparison of an exported model with the original.

B images of C channels, H x W pixels.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from denoisers.base import ImageModel
from groundwork.seeding import generator

Run = Callable[[Tensor], tuple[Tensor, ...]]  # B C H W -> each output

TOLERANCE = 1e-5
BATCHES = (1, 7, 64)  # images; if there are fewer real ones than 64, all of them
SIZES = ((29, 31), (48, 64), (5, 3))  # height and width: odd, larger and tiny ones


def largest_difference(model: ImageModel, exported: Run, real: Tensor | None) -> float:
    """Compare the outputs of a model before and after its export.

    Args:
        model: The original, on the CPU in evaluation mode.
        exported: The exported model.
        real: Noisy images B C H W to compare on, besides random ones.

    Returns:
        The largest absolute difference. If an output has numbers above 1, as logits have, its
        difference is divided by the largest of them.

    Raises:
        ValueError: The difference exceeds `TOLERANCE`, or the exported model fails.
    """
    largest = 0.0
    for name, noisy in _inputs(model, real):
        with torch.inference_mode():
            expected = outputs(model(noisy))
        try:
            found = exported(noisy)
        except Exception as error:  # each runtime has its own
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ValueError(f"the exported model fails on {name}: {reason}") from error
        difference = _difference(expected, found)
        if not difference <= TOLERANCE:  # also true for NaN
            raise ValueError(
                f"the exported model differs from the original by {difference:.1e} on {name}, more "
                f"than {TOLERANCE:.0e}: nothing was written"
            )
        largest = max(largest, difference)
    return largest


def outputs(returned: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Return a model's outputs as a tuple, also if there is only one."""
    return (returned,) if isinstance(returned, Tensor) else returned


def _inputs(model: ImageModel, real: Tensor | None) -> Iterator[tuple[str, Tensor]]:
    """Yield batches of images, each with a name for messages."""
    random = torch.randn(
        BATCHES[-1], *model.image_shape, generator=generator("cpu", "export check")
    )
    kinds = {
        "random": 0.5 + 0.5 * random
    }  # some are outside [0, 1], as noise is that is not clipped
    if real is not None:
        kinds["real"] = real
    for kind, images in kinds.items():
        for size in BATCHES:
            part = images[:size]
            yield f"{len(part)} {kind} images", part
        for height, width in SIZES if model.takes_any_size else ():
            part = _at_size(images[:3], height, width)
            yield f"{len(part)} {kind} images of {height} x {width} pixels", part


def _at_size(images: Tensor, height: int, width: int) -> Tensor:
    """Repeat images side by side and cut the result to a size."""
    times = (-(-height // images.shape[2]), -(-width // images.shape[3]))
    return images.tile(times)[..., :height, :width].contiguous()


def _difference(expected: tuple[Tensor, ...], found: tuple[Tensor, ...]) -> float:
    if [part.shape for part in expected] != [part.shape for part in found]:
        return float("inf")
    return max(
        ((a - b).abs().max() / a.abs().max().clamp(min=1)).item()
        for a, b in zip(expected, found, strict=True)
    )
