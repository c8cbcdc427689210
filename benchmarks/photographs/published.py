"""What others have published: PSNR in dB, read from their tables and not measured here.

The grey and the colour numbers are those of Zhang, Li, Zuo, Zhang, Van Gool and Timofte 2021
(DRUNet), Zhang, Zuo and Zhang 2018 (FFDNet) and Zhang, Zuo, Chen, Meng and Zhang 2017 (DnCNN).
"""

from typing import NamedTuple

SIGMAS = (15, 25, 50)


class Published(NamedTuple):
    """Published numbers on one test set.

    Attributes:
        pictures: The size of the set.
        psnr: By the method, PSNR at each of `SIGMAS`. None where no table is to be trusted.
    """

    pictures: int
    psnr: dict[str, tuple[float | None, ...]]


PUBLISHED = {
    "Set12": Published(
        12,
        {
            "BM3D": (32.37, 29.97, 26.72),
            "DnCNN-S": (32.86, 30.44, 27.18),
            "DnCNN-B (blind)": (32.68, 30.36, 27.21),
            "FFDNet": (32.75, 30.43, 27.32),
            "DRUNet": (33.25, 30.94, 27.90),
        },
    ),
    "BSD68": Published(
        68,
        {
            "BM3D": (31.08, 28.57, 25.60),
            "DnCNN-S": (31.73, 29.23, 26.23),
            "DnCNN-B (blind)": (31.61, 29.16, 26.23),
            "FFDNet": (31.63, 29.19, 26.29),
            "DRUNet": (31.91, 29.48, 26.59),
        },
    ),
    "CBSD68": Published(
        68,
        {
            "CBM3D": (33.52, 30.71, 27.38),
            "FFDNet": (33.87, 31.21, 27.96),
            "DRUNet": (34.30, 31.69, 28.51),
        },
    ),
    "Kodak24": Published(
        24,
        {
            # The table at hand has 32.15 in the middle, above FFDNet, which is doubtful.
            "CBM3D": (34.28, None, 28.46),
            "FFDNet": (34.63, 32.13, 28.98),
            "DRUNet": (35.31, 32.89, 29.86),
        },
    ),
}


def psnr_of(name: str, pictures: int, sigma: float) -> dict[str, float]:
    """Return the published PSNR by method, empty for what nobody has published.

    Args:
        name: The test set's.
        pictures: How many pictures were scored. The numbers are for whole sets.
        sigma: The noise's standard deviation, of 255.
    """
    found = PUBLISHED.get(name)
    if found is None or found.pictures != pictures or sigma not in SIGMAS:
        return {}
    place = SIGMAS.index(int(sigma))
    at_sigma = {method: values[place] for method, values in found.psnr.items()}
    return {method: psnr for method, psnr in at_sigma.items() if psnr is not None}
