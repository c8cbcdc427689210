"""The eight symmetries of the square, over which a method's results can be averaged.

Images are ... C H W. The symmetries are numbered from 0 to 7: `number % 4` rotations by 90 degrees,
after a mirror image from 4 on.
"""

from collections.abc import Callable

from torch import Tensor

from denoisers.base import ImageModel

COUNT = 8
Restore = Callable[[Tensor], Tensor]  # noisy images -> restored ones, of the same shape


def turned(images: Tensor, number: int) -> Tensor:
    """Apply a symmetry. An odd one makes images ... C W H."""
    mirrored = images.flip(-1) if number >= 4 else images
    return mirrored.rot90(number % 4, (-2, -1)).contiguous()


def turned_back(images: Tensor, number: int) -> Tensor:
    """Undo `turned`."""
    upright = images.rot90(-(number % 4), (-2, -1))
    return upright.flip(-1) if number >= 4 else upright


def over_symmetries(restore: Restore) -> Restore:
    """Return what restores all eight versions of images, undoes each symmetry, and averages.

    It is the "enhanced prediction" of Timofte, Rothe and Van Gool (2016, "Seven ways to improve
    example-based single image super resolution"), also called self-ensemble. It takes eight times
    as long.

    Args:
        restore: Restores images of any orientation. Values in [0, 1] stay in [0, 1].
    """

    def averaged(noisy: Tensor) -> Tensor:
        total = restore(noisy)
        for number in range(1, COUNT):
            total = total + turned_back(restore(turned(noisy, number)), number)
        return total / COUNT

    return averaged


def require_turnable(model: ImageModel) -> None:
    """Refuse a model for images of one size that a rotation changes.

    Raises:
        ValueError: It is.
    """
    _, height, width = model.image_shape
    if not model.takes_any_size and height != width:
        raise ValueError(
            f"symmetries={COUNT}: a {type(model).__name__} for {height} x {width} pixels cannot "
            "restore them rotated, give symmetries=1"
        )
