"""Layers that torch has too, but not for all inputs, or not as fast."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BatchNorm1d(nn.BatchNorm1d):
    """Batch normalisation that survives a batch with one value a channel.

    Such a batch (one image at a dense layer, or where a deep encoder has come down to one pixel)
    has no variance, and torch would raise an error. It is normalised with the running statistics.
    """

    def forward(self, input: Tensor) -> Tensor:
        if _is_single(self, input):
            return _by_running_statistics(self, input)
        return super().forward(input)


class BatchNorm2d(nn.BatchNorm2d):
    """See `BatchNorm1d`."""

    def forward(self, input: Tensor) -> Tensor:
        if _is_single(self, input):
            return _by_running_statistics(self, input)
        return super().forward(input)


def _is_single(norm: nn.BatchNorm1d | nn.BatchNorm2d, input: Tensor) -> bool:
    return norm.training and input.numel() == norm.num_features


def _by_running_statistics(norm: nn.BatchNorm1d | nn.BatchNorm2d, input: Tensor) -> Tensor:
    return F.batch_norm(
        input, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
    )


class ConvOfDoubled(nn.Conv2d):
    """Double height and width by repeating pixels, then convolve, 5 x 5: B C H W -> B D 2H 2W.

    The doubled image is not made. Of the 25 pixels that an output pixel sees in it, those that
    repeat the same input pixel can have their weights added first. What is left is a 3 x 3
    convolution of the small image, with four outputs for each channel, one for each place in a
    doubled pixel, which `pixel_shuffle` puts side by side (Shi et al. 2016). On a CPU it is seven
    times as fast as the two steps, where there are few output channels.
    """

    taps: Tensor  # 2 x 3 x 5: by place in the doubled pixel and input pixel, which weights count

    def __init__(self, before: int, after: int) -> None:
        super().__init__(before, after, 5)
        taps = torch.zeros(2, 3, 5)
        for place in range(2):
            for tap in range(5):
                taps[place, (place + tap) // 2, tap] = 1
        self.register_buffer("taps", taps, persistent=False)

    def forward(self, features: Tensor, size: torch.Size) -> Tensor:  # type: ignore[override]
        """size: height and width of the output, at most 2H and 2W; what is beyond is cut off."""
        weight = torch.einsum("aik,bjl,dckl->dabcij", self.taps, self.taps, self.weight)
        weight = weight.flatten(0, 2).contiguous(memory_format=torch.channels_last)
        assert self.bias is not None
        bias = self.bias.repeat_interleave(4)
        doubled = F.pixel_shuffle(F.conv2d(features, weight, bias, padding=1), 2)
        return doubled[..., : size[0], : size[1]]
