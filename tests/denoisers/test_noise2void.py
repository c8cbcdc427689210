"""Blind spots that show a neighbour's value."""

import pytest
import torch
from torch import Tensor, nn

from denoisers.noise2void import Noise2Void
from groundwork.batch import Batch


def random_generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noisy_batch(noisy: Tensor) -> Batch:
    return Batch(noisy, torch.full_like(noisy, torch.nan), torch.full((len(noisy),), -1))


def test_each_cell_hides_one_pixel_of_its_own_and_all_pixels_are_as_likely() -> None:
    images = torch.zeros(8000, 3, 8, 10)  # the last columns are in cells that are cut
    hidden = Noise2Void(width=4, radius=2).counted(images, random_generator())
    assert hidden.shape == (8000, 1, 8, 10)
    cells = nn.functional.avg_pool2d(hidden[..., :8].float(), 4) * 16
    assert torch.equal(cells, torch.ones_like(cells))
    share = hidden.float().mean(0)
    torch.testing.assert_close(share, torch.full_like(share, 1 / 16), atol=0.015, rtol=0)
    # The places in two cells are independent, unlike those of a grid.
    alike = (hidden[..., :4, :4] & hidden[..., :4, 4:8]).sum() / len(images)
    assert alike.item() == pytest.approx(1 / 16, abs=0.015)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 4), (5, 1), (6, 8)])
def test_a_neighbour_is_another_pixel_of_the_window_and_all_are_as_likely(
    row: int, column: int
) -> None:
    images, radius = torch.zeros(20_000, 1, 7, 9), 2
    places = Noise2Void(width=4, radius=radius).neighbours(images, random_generator())
    found = places[:, 0, row, column].bincount(minlength=63).view(7, 9)
    inside = torch.zeros(7, 9)
    inside[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3] = 1
    inside[row, column] = 0
    expected = 20_000 * inside / inside.sum()
    assert torch.equal(found > 0, inside > 0)
    torch.testing.assert_close(found.float(), expected, rtol=0.2, atol=0)


def test_the_loss_is_its_formula_and_no_network_sees_what_it_restores() -> None:
    objective = Noise2Void(width=3, radius=1)
    noisy = torch.rand(4, 2, 7, 8, generator=random_generator(), requires_grad=True)
    seen: list[Tensor] = []

    def net(images: Tensor) -> Tensor:
        seen.append(images)
        return images.square()

    found = objective.loss(net, noisy_batch(noisy), random_generator(1))
    random = random_generator(1)
    hidden = objective.counted(noisy, random)[:, 0]
    places = objective.neighbours(noisy, random)[:, 0]
    total = 0.0
    for image, row, column in hidden.nonzero().tolist():
        other_row, other_column = divmod(int(places[image, row, column]), 8)
        for channel in range(2):
            shown = noisy[image, channel, other_row, other_column].item()
            total += (shown**2 - noisy[image, channel, row, column].item()) ** 2
    assert found.item() == pytest.approx(9 * total / 4, rel=1e-5)
    visible = ~hidden[:, None].expand_as(noisy)
    assert torch.equal(seen[0][visible], noisy[visible])
    (gradient,) = torch.autograd.grad(seen[0][~visible].sum(), noisy)
    # A hidden pixel may be another one's neighbour, but never its own.
    alone = ~visible & (gradient == 0)
    assert alone.any()
    assert gradient.sum().item() == (~visible).sum().item()


def test_processes_that_share_a_batch_hide_what_one_hides() -> None:
    objective, net = Noise2Void(width=4, radius=5), nn.Conv2d(1, 1, 3, padding=1)
    whole = noisy_batch(torch.rand(4, 1, 12, 12, generator=random_generator()))
    expected = objective.loss(net, whole, random_generator())
    parts = [objective.loss(net, whole.shard_of(rank, 2), random_generator()) for rank in range(2)]
    torch.testing.assert_close(sum(parts) / 2, expected)
