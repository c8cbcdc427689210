"""Blind spots that hide the neighbours whose noise is shared."""

import pytest
import torch
from torch import nn

from denoisers.objectives import Noise2Self
from denoisers.structn2v import StructN2V
from groundwork.batch import Batch


def random_generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def noisy_batch(noisy: torch.Tensor) -> Batch:
    return Batch(noisy, torch.full_like(noisy, torch.nan), torch.full((len(noisy),), -1))


def test_without_a_reach_it_is_noise2self() -> None:
    net = nn.Conv2d(2, 2, 3, padding=1)
    batch = noisy_batch(torch.rand(5, 2, 13, 14, generator=random_generator()))
    found, expected = (
        objective.loss(net, batch, random_generator())
        for objective in (StructN2V(width=4, reach=[0, 0]), Noise2Self(width=4))
    )
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("reach", [[0, 3], [2, 0], [1, 1], [2, 5]])
def test_what_is_restored_depends_on_no_pixel_within_reach(reach: list[int]) -> None:
    objective = StructN2V(width=4, reach=reach)
    noisy = torch.rand(3, 1, 32, 32, generator=random_generator(), requires_grad=True)
    seen: list[torch.Tensor] = []

    def net(given: torch.Tensor) -> torch.Tensor:
        seen.append(given)
        return given

    objective.loss(net, noisy_batch(noisy), random_generator())
    counted = objective.counted(noisy, random_generator())
    places = counted[0, 0].nonzero()
    down, across = reach
    inside = (places >= 6) & (places < 26)
    row, column = places[inside.all(1)][0].tolist()
    (gradient,) = torch.autograd.grad(seen[0][0, 0, row, column], noisy)
    rows, columns = slice(row - down, row + down + 1), slice(column - across, column + across + 1)
    assert gradient[0, 0, rows, columns].abs().max() == 0
    # It is a mean of pixels just beyond.
    assert gradient.sum().item() == pytest.approx(1, abs=1e-5)
    # Pixels that are not hidden are seen as they are.
    hidden = objective.hidden(counted)
    assert torch.equal(seen[0][~hidden], noisy[~hidden])
    share = 1 / (max(4, 2 * down + 2) * max(4, 2 * across + 2))
    assert counted.float().mean().item() == pytest.approx(share, rel=0.3)


def test_a_constant_picture_stays_constant_under_the_masks() -> None:
    objective = StructN2V(width=4, reach=[3, 1])
    flat = torch.full((2, 1, 30, 31), 0.4)
    hidden = objective.hidden(objective.counted(flat, random_generator()))
    torch.testing.assert_close(objective.from_visible(flat, hidden), flat)


def test_the_reach_is_taken_from_the_pictures_only_if_none_is_given() -> None:
    assert StructN2V(4, None).fitted(None, (2, 1)).reach == [2, 1]
    assert StructN2V(4, [0, 3]).fitted(None, (2, 1)).reach == [0, 3]
