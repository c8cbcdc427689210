"""Batch normalisation that survives a batch with one value a channel.

Such a batch (one image at a dense layer, or where a deep encoder has come down to one pixel) has no
variance, and torch would raise an error. It is normalised with the running statistics.
"""

import torch.nn.functional as F
from torch import Tensor, nn


class BatchNorm1d(nn.BatchNorm1d):
    def forward(self, input: Tensor) -> Tensor:
        if _is_single(self, input):
            return _by_running_statistics(self, input)
        return super().forward(input)


class BatchNorm2d(nn.BatchNorm2d):
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
