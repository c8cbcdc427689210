"""Whether an exported model does what the original does.

B images of C channels, H x W pixels.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from denoisers.base import ImageModel
from groundwork.seeding import generator

Run = Callable[[Tensor], tuple[Tensor, ...]]  # B C H W -> each output

TOLERANCE = 1e-5
BATCHES = (1, 7, 64)  # 64, or all there are
SIZES = ((29, 31), (48, 64), (5, 3))  # odd, larger and tiny: height and width


def largest_difference(model: ImageModel, exported: Run, real: Tensor | None) -> float:
    """The largest absolute difference between any outputs of the two, in units of the output's
    largest number where that is above 1, as logits are.

    model: the original, on the CPU in evaluation mode. real: noisy images to compare on beside
        random ones, B C H W.

    Raises ValueError where it exceeds `TOLERANCE`, or where the exported model fails.
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
        if not difference <= TOLERANCE:  # nor is NaN
            raise ValueError(
                f"the exported model differs from the original by {difference:.1e} on {name}, more "
                f"than {TOLERANCE:.0e}: nothing was written"
            )
        largest = max(largest, difference)
    return largest


def outputs(returned: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """What a model returns, always as a tuple."""
    return (returned,) if isinstance(returned, Tensor) else returned


def _inputs(model: ImageModel, real: Tensor | None) -> Iterator[tuple[str, Tensor]]:
    """Images with a name for each batch."""
    random = torch.randn(
        BATCHES[-1], *model.image_shape, generator=generator("cpu", "export check")
    )
    kinds = {"random": 0.5 + 0.5 * random}  # also outside [0, 1], like noise that is not clipped
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
    """The images side by side with themselves, cut to a size."""
    times = (-(-height // images.shape[2]), -(-width // images.shape[3]))
    return images.tile(times)[..., :height, :width].contiguous()


def _difference(expected: tuple[Tensor, ...], found: tuple[Tensor, ...]) -> float:
    if [part.shape for part in expected] != [part.shape for part in found]:
        return float("inf")
    return max(
        ((a - b).abs().max() / a.abs().max().clamp(min=1)).item()
        for a, b in zip(expected, found, strict=True)
    )
