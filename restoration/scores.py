"""PSNR and SSIM between a picture and the clean one, for pictures of any size."""

from torch import Tensor

from denoisers import metrics
from groundwork.measures import between_images

ROWS = 512  # of SSIM's windows at a time, since its maps take many times the picture's memory


def scores(picture: Tensor, clean: Tensor) -> dict[str, float | None]:
    """Compare a picture with the clean one, both C H W in [0, 1].

    Returns:
        "psnr" in dB, and "ssim". SSIM is None for sides under 11 pixels, where it is undefined.
    """
    small = "ssim" not in between_images(clean.shape)
    return {
        "psnr": metrics.psnr(picture[None], clean[None]).item(),
        "ssim": None if small else _ssim(picture, clean),
    }


def _ssim(picture: Tensor, clean: Tensor) -> float:
    """Average SSIM over all windows, in strips that overlap so that each window is in one."""
    border, height = 2 * metrics.SSIM_BORDER, clean.shape[1]
    total = 0.0
    for top in range(0, height - border, ROWS):
        rows = slice(top, min(top + ROWS + border, height))
        windows = rows.stop - top - border
        total += windows * metrics.ssim(picture[None, :, rows], clean[None, :, rows]).item()
    return total / (height - border)
