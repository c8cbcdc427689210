"""The bias of filters that average noisy pixels, and its correction."""

import torch
from torch import Tensor

from datamodules.noise import Noise

STEPS = 255 * 16  # each value of an 8-bit pixel is one of them
AT_ONCE = 2**20  # values, to bound the memory


class InverseMean:
    """Maps the means of noisy pixels, of any shape, to clean pixels in [0, 1].

    Noise that is clipped to [0, 1] does not have a mean of zero: at a standard deviation of 0.5 the
    mean of a black pixel becomes 0.2. An averaging filter estimates that mean, so the inverse is
    applied after the filter (Foi 2009), where it gains 2 to 3 dB. Before the filter it would gain a
    few tenths of a dB. For noise without a bias it only clips to [0, 1].

    Args:
        noise: The noise. Its mean must rise with the clean pixel. It is inverted by linear
            interpolation in a fine table.
    """

    def __init__(self, noise: Noise) -> None:
        # Strong noise makes the curve so flat that single precision would lose its steps.
        self.clean = torch.linspace(0, 1, STEPS + 1, dtype=torch.float64)
        self.means = noise.mean(self.clean)

    def __call__(self, means: Tensor) -> Tensor:
        parts = map(self._inverted, means.flatten().split(AT_ONCE))
        return torch.cat([*parts]).view(means.shape)

    def _inverted(self, means: Tensor) -> Tensor:
        exact = means.contiguous().double()
        above = torch.searchsorted(self.means, exact).clamp(1, STEPS)
        low, high = self.means[above - 1], self.means[above]
        rise = (high - low).clamp(min=1e-12)  # it is 0 if the noise has replaced every pixel
        share = ((exact - low) / rise).clamp(0, 1)
        return self.clean[above - 1].lerp(self.clean[above], share).to(means.dtype)

    def mean(self, clean: Tensor) -> Tensor:
        """Look `noise.mean` up in the table, which is exact for 8-bit pixels and always fast."""
        return self.means[(clean * STEPS).round().long()].to(clean.dtype)
