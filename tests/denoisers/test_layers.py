"""The project's layers against torch's."""

import pytest
import torch
import torch.nn.functional as F

from denoisers.layers import ConvOfDoubled


@pytest.mark.parametrize(("channels", "height", "width"), [(1, 14, 14), (3, 5, 8)])
def test_a_convolution_of_a_doubled_image_equals_doubling_and_convolving(
    channels: int, height: int, width: int
) -> None:
    torch.manual_seed(0)
    layer = ConvOfDoubled(4, channels).double()
    features = torch.rand(2, 4, height, width, dtype=torch.float64, requires_grad=True)
    size = torch.Size((2 * height, 2 * width))
    assert layer.weight.shape == (channels, 4, 5, 5)  # no more weights than the convolution has

    doubled = F.interpolate(features, size=size, mode="nearest")
    expected = F.conv2d(doubled, layer.weight, layer.bias, padding=2)
    found = layer(features, size)
    torch.testing.assert_close(found, expected)

    inputs = [features, *layer.parameters()]
    for ours, theirs in zip(
        torch.autograd.grad(found.square().sum(), inputs),
        torch.autograd.grad(expected.square().sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


def test_an_odd_size_is_cut_from_the_doubled_image() -> None:
    layer = ConvOfDoubled(2, 1)
    features = torch.rand(1, 2, 4, 4)
    whole = layer(features, torch.Size((8, 8)))
    assert torch.equal(layer(features, torch.Size((7, 8))), whole[..., :7, :])
