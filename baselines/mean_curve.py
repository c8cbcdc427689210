"""What a filter that averages noisy pixels is biased by, and how it is undone."""

import torch
from torch import Tensor

from datamodules.noise import Noise

STEPS = 255 * 16  # every 8-bit pixel is one of them


class InverseMean:
    """From the mean of a noisy pixel to the clean pixel: any shape, to values in [0, 1].

    Noise that is cut to [0, 1] has no zero mean: at a standard deviation of 0.5 a black pixel's
    becomes 0.2. An averaging filter estimates that mean, so the inverse belongs after the filter
    (Foi 2009). Before it, where pixels are no means yet, it gains a few tenths of a dB; after it, 2
    to 3 dB. For noise without a bias it cuts to [0, 1].

    noise: its mean rises with the clean pixel; inverted by linear interpolation in a fine table.
    """

    def __init__(self, noise: Noise) -> None:
        # Strong noise makes the curve so flat that its steps would drown in single precision.
        self.clean = torch.linspace(0, 1, STEPS + 1, dtype=torch.float64)
        self.means = noise.mean(self.clean)

    def __call__(self, means: Tensor) -> Tensor:
        exact = means.contiguous().double()
        above = torch.searchsorted(self.means, exact).clamp(1, STEPS)
        low, high = self.means[above - 1], self.means[above]
        rise = (high - low).clamp(min=1e-12)  # none where the noise has replaced every pixel
        share = ((exact - low) / rise).clamp(0, 1)
        return self.clean[above - 1].lerp(self.clean[above], share).to(means.dtype)

    def mean(self, clean: Tensor) -> Tensor:
        """`noise.mean` from the table: exact for 8-bit pixels, and fast whatever the noise."""
        return self.means[(clean * STEPS).round().long()].to(clean.dtype)
