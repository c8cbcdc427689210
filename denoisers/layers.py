"""Layers that torch has too, but not for all inputs or not as fast."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, distributed, nn


class BatchNorm1d(nn.BatchNorm1d):
    """Batch normalisation over the whole batch, also if processes share it.

    The processes exchange their sums, so that training does not depend on their number. torch's
    SyncBatchNorm works on GPUs only.

    A batch with one value per channel (one image at a dense layer, or at one pixel of a deep
    encoder) has no variance, and torch raises an error. Here it is normalised with the running
    statistics.
    """

    def forward(self, input: Tensor) -> Tensor:
        return _normalised(self, input, super().forward)


class BatchNorm2d(nn.BatchNorm2d):
    """See `BatchNorm1d`."""

    def forward(self, input: Tensor) -> Tensor:
        return _normalised(self, input, super().forward)


BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d


def _normalised(norm: BatchNorm, input: Tensor, by_torch: Callable[[Tensor], Tensor]) -> Tensor:
    if norm.training and _processes() > 1:
        return _over_processes(norm, input)
    if norm.training and input.numel() == norm.num_features:
        return F.batch_norm(
            input, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
        )
    return by_torch(input)


def _processes() -> int:
    initialized = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size() if initialized else 1


class _SumOverProcesses(torch.autograd.Function):
    """Sums a tensor over all processes, which all use the sum: its gradient is a sum too."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _SumOverProcesses.forward(ctx, gradient)


def _over_processes(norm: BatchNorm, input: Tensor) -> Tensor:
    """Normalise B C ...; each process has a part of the batch with at least one image."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    assert norm.momentum is not None
    values = input.float()  # also under mixed precision
    others = [dimension for dimension in range(values.dim()) if dimension != 1]
    channels = [-1 if dimension == 1 else 1 for dimension in range(values.dim())]
    count = values.new_tensor([values.numel() / norm.num_features])
    sums = _SumOverProcesses.apply(torch.cat((values.sum(others), count)))
    mean, count = sums[:-1] / sums[-1], sums[-1].detach()
    # Two exchanges, since a variance computed from the sum of squares would be inexact.
    centred = values - mean.view(channels)
    variance = _SumOverProcesses.apply(centred.square().sum(others)) / count
    with torch.no_grad():
        norm.running_mean.lerp_(mean, norm.momentum)
        norm.running_var.lerp_(variance * (count / (count - 1)), norm.momentum)
        norm.num_batches_tracked += 1
    scale = norm.weight * (variance + norm.eps).rsqrt()
    return (centred * scale.view(channels) + norm.bias.view(channels)).to(input.dtype)


class ConvOfDoubled(nn.Conv2d):
    """Doubles height and width by repeating pixels, then convolves, 5 x 5: B C H W -> B D 2H 2W.

    The doubled image is never made. An output pixel sees 25 pixels of it, and the weights of those
    that repeat the same input pixel are added first. That leaves a 3 x 3 convolution of the small
    image with four outputs per channel, one for each place in a doubled pixel, which
    `pixel_shuffle` arranges (Shi et al. 2016). With few output channels it is seven times as fast
    as the two steps on a CPU.

    Attributes:
        taps: 2 x 3 x 5, by place in the doubled pixel, input pixel and weight: 1 if they meet.
    """

    taps: Tensor

    def __init__(self, before: int, after: int) -> None:
        super().__init__(before, after, 5)
        taps = torch.zeros(2, 3, 5)
        for place in range(2):
            for tap in range(5):
                taps[place, (place + tap) // 2, tap] = 1
        self.register_buffer("taps", taps, persistent=False)

    def forward(self, features: Tensor, size: torch.Size) -> Tensor:  # type: ignore[override]
        """Return the output, cut to `size`: its height and width, at most 2H and 2W."""
        weight = torch.einsum("aik,bjl,dckl->dabcij", self.taps, self.taps, self.weight)
        weight = weight.flatten(0, 2).contiguous(memory_format=torch.channels_last)
        assert self.bias is not None
        bias = self.bias.repeat_interleave(4)
        doubled = F.pixel_shuffle(F.conv2d(features, weight, bias, padding=1), 2)
        return doubled[..., : size[0], : size[1]]
