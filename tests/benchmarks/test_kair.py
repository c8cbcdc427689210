"""A network of KAIR's, by which the scorer of photographs is checked, is read as it is there."""

from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks.photographs import methods
from benchmarks.photographs.kair import read_dncnn


def kair_network(channels: int, depth: int, width: int) -> nn.Sequential:
    """As KAIR lays out DnCNN once its batch normalisation is merged: convolutions with biases."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for number in range(depth):
        before = channels if number == 0 else width
        after = channels if number == depth - 1 else width
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@pytest.mark.parametrize("channels", [1, 3])
def test_a_network_of_kairs_restores_as_it_does_there(tmp_path: Path, channels: int) -> None:
    """It predicts the noise, and takes it away."""
    theirs = nn.Module()
    theirs.model = kair_network(channels, 5, 12)
    torch.save(theirs.state_dict(), tmp_path / "dncnn_15.pth")
    method = methods.published_dncnn(tmp_path / "dncnn_15.pth")
    assert (method.name, method.channels) == ("dncnn_15 of KAIR", (channels,))
    noisy = torch.rand(channels, 20, 26)
    with torch.no_grad():
        expected = (noisy - theirs.model(noisy[None])[0]).clamp(0, 1)
    restored = torch.from_numpy(method.restore(noisy.numpy(), 15))
    torch.testing.assert_close(restored, expected, atol=1e-6, rtol=0)


def test_another_network_is_not_taken_for_kairs(tmp_path: Path) -> None:
    state = OrderedDict(kair_network(1, 3, 4).state_dict())  # without "model."
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"other\.pth is no DnCNN of KAIR's: its weights have oth"):
        read_dncnn(tmp_path / "other.pth")
