"""Averages over the eight symmetries of the square."""

import re

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from denoisers.symmetries import COUNT, over_symmetries, require_turnable, turned, turned_back
from tests.helpers.models import new_model, random_batch
from tests.helpers.symmetries import by_hand


def test_the_symmetries_are_eight_and_can_be_undone() -> None:
    image = torch.arange(6.0).view(1, 2, 3)
    versions = [turned(image, number) for number in range(COUNT)]
    assert len({(version.shape, *version.flatten().tolist()) for version in versions}) == 8
    assert torch.equal(versions[0], image)
    for number, version in enumerate(versions):
        assert version.shape == ((1, 3, 2) if number % 2 else (1, 2, 3))
        assert torch.equal(turned_back(version, number), image)


@pytest.mark.parametrize(
    ("name", "shape"), [("unet", (1, 20, 34)), ("dense", (1, 28, 28)), ("vae", (1, 28, 28))]
)
@torch.no_grad()
def test_the_average_is_that_of_an_explicit_loop(name: str, shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    model = new_model(name, (1, 28, 28)).eval()
    noisy = random_batch(3, shape).noisy
    found = over_symmetries(model)(noisy)
    assert torch.allclose(found, by_hand(model, noisy), atol=1e-6)
    assert (found - model(noisy)).abs().max() > 1e-4
    assert 0 <= found.min() <= found.max() <= 1


def test_an_equivariant_network_gives_what_it_gives_alone() -> None:
    """A kernel with all eight symmetries makes a convolution equivariant."""
    half = torch.tensor([[0.3, 0.2, 0.1], [0.2, 0.1, 0.05], [0.1, 0.05, -0.1]])
    kernel = torch.cat((half.flip(0)[:-1], half))
    kernel = torch.cat((kernel.flip(1)[:, :-1], kernel), dim=1)[None, None]

    def network(noisy: Tensor) -> Tensor:
        return F.conv2d(noisy, kernel, padding=2).sigmoid()

    noisy = random_batch(2, (1, 12, 17)).noisy
    assert torch.allclose(over_symmetries(network)(noisy), network(noisy), atol=1e-6)


def test_a_network_for_one_size_that_is_not_square_is_refused() -> None:
    line = "symmetries=8: a Dense for 28 x 20 pixels cannot restore them rotated, give symmetries=1"
    with pytest.raises(ValueError, match=f"^{re.escape(line)}$"):
        require_turnable(new_model("dense", (1, 28, 20)))
    require_turnable(new_model("dense", (1, 28, 28)))
    require_turnable(new_model("unet", (1, 28, 20)))
