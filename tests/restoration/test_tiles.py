"""Large pictures are restored in tiles, which leave no traces."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

from denoisers.checkpoint import describe
from denoisers.composite import Composite
from restoration.restorer import Restorer, reach
from restoration.tiles import in_tiles, smallest, tiling
from tests.helpers.models import new_model

CPU = torch.device("cpu")
SIDE = 16  # pixels on a side of the linear denoiser's tiles
SMALL: dict[str, dict[str, Any]] = {
    "conv_upsample": {"channels": [4, 8, 8]},
    "conv_transposed": {"channels": [4, 8, 8]},
    "unet": {"channels": [4, 8, 8]},
    "dncnn": {"depth": 4, "width": 8},
}


def picture(channels: int, height: int, width: int) -> Tensor:
    return torch.rand(channels, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("grid", [1, 8])
@pytest.mark.parametrize("margin", [0, 3])
@pytest.mark.parametrize("size", [1, 27, 28, 29, 41, 100, 1003])
def test_weights_sum_to_one(size: int, grid: int, margin: int) -> None:
    starts, weights = tiling(size, 28, 12, grid, margin)
    total = torch.zeros(size)
    for start, weight in zip(starts.tolist(), weights, strict=True):
        assert start % grid == 0
        total[start : start + len(weight)] += weight
        assert (weight >= 0).all()
        if start:
            assert (weight[:margin] == 0).all()
        if start + len(weight) < size:
            assert (weight[len(weight) - margin :] == 0).all()
    assert torch.allclose(total, torch.ones(size), atol=1e-6)
    assert starts[0] == 0
    assert starts[-1] + weights.shape[1] == size


@pytest.mark.parametrize("size", [(5, 100), (28, 28), (61, 40)])
def test_what_changes_nothing_changes_nothing_in_tiles(size: tuple[int, int]) -> None:
    whole = picture(6, *size).view(2, 3, *size)
    found = in_tiles(lambda tiles: tiles, whole, (28, 28), (14, 14), batch=4)
    assert torch.allclose(found, whole, atol=1e-6)


@pytest.mark.parametrize("name", SMALL)
def test_convolutional_tiles_equal_the_whole(name: str) -> None:
    torch.manual_seed(0)
    model, noisy = new_model(name, **SMALL[name]).eval(), picture(1, 333, 290)
    spread_out(model)
    whole, tiled = Restorer(model, None, CPU), Restorer(model, 250, CPU)
    assert whole.tile_for(noisy) is None
    assert tiled.tile_for(noisy) == (250, 250)
    right = whole(noisy)
    assert torch.equal(right, model(noisy[None])[0])
    assert right.std() > 0.05
    assert torch.allclose(tiled(noisy), right, rtol=0, atol=1e-5)
    with torch.no_grad():
        cut = in_tiles(model, noisy[None], (128, 128), (0, 0), grid=64)[0]
    assert (cut - right).abs().max() > 1e-3


@pytest.mark.parametrize("size", [257, 300, 1000, 3000, 4000, 4001])
@pytest.mark.parametrize("grid", [1, 64])
def test_the_smallest_tile_is_one_of_as_many(size: int, grid: int) -> None:
    def count(tile: int) -> int:
        return len(tiling(size, tile, 40, grid).starts)

    found = smallest(size, 256, 40, grid)
    assert found <= 256
    assert (size - found) % grid == 0  # so that the last tile starts on the grid
    assert count(found) == count(256)
    assert smallest(200, 256, 40, grid) == 200


def test_tiles_that_memory_decides_are_no_larger_than_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """250 pixels on a side would do. Two tiles of fewer pixels overlap less."""
    torch.manual_seed(0)
    model, noisy = new_model("dncnn", depth=4, width=8).eval(), picture(1, 333, 260)
    spread_out(model)
    right = Restorer(model, None, CPU)(noisy)
    monkeypatch.setattr(Restorer, "_largest_tile", lambda self: 250)
    tiled = Restorer(model, None, CPU)
    tile = tiled.tile_for(noisy)
    assert tile is not None
    assert max(tile) < 250
    assert torch.allclose(tiled(noisy), right, rtol=0, atol=1e-5)


def spread_out(model: torch.nn.Module) -> None:
    """Scale new weights so that the network responds to its input as strongly as a trained one."""
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 4:
                weight.mul_(4 if weight.shape[-1] == 5 else 3)


def test_reach_is_the_receptive_field() -> None:
    for depth in (2, 5):
        assert reach(new_model("dncnn", depth=depth).eval(), 1) == depth
    # With halving, the reach depends on the place. The pixel that sees furthest counts.
    model = new_model("unet", channels=[4, 8, 8]).eval()
    noisy = picture(1, 64, 64)[None].requires_grad_()
    seen = 0
    for row in range(24, 32):
        (gradient,) = torch.autograd.grad(model(noisy)[0, 0, row, 32], noisy)
        touched = gradient[0, 0].abs().sum(1).nonzero()
        seen = max(seen, row - int(touched.min()), int(touched.max()) - row)
    assert seen == reach(model, 1)


def linear_denoiser(clean: Tensor, std: float) -> Callable[[Tensor], Tensor]:
    """Fit the best linear map from noisy to clean tiles to the tiles of a picture.

    Like a dense network it sees nothing beyond its tile, so it is worst at the edges.
    """
    tiles = clean.unfold(0, SIDE, 3).unfold(1, SIDE, 3).flatten(2).flatten(0, 1).double()
    mean = tiles.mean(0)
    covariance = torch.cov(tiles.T)
    gain = torch.linalg.solve(covariance + std**2 * torch.eye(SIDE**2), covariance)

    def restore(noisy: Tensor) -> Tensor:
        flat = noisy.flatten(1).double() - mean
        return (flat @ gain + mean).float().view_as(noisy)

    return restore


def test_seams_cannot_be_seen_in_the_error() -> None:
    clean = torch.from_numpy(data.camera()[:256, :256] / 255).float() * 0.6 + 0.2
    std = 0.06
    noisy = clean + std * torch.randn(256, 256, generator=torch.Generator().manual_seed(0))
    restore = linear_denoiser(clean, std)

    def at_seams(overlap: int) -> tuple[float, float]:
        """Return the error's steps and its square where tiles begin, relative to other places."""
        found = in_tiles(restore, noisy[None, None], (SIDE, SIDE), (overlap, overlap), batch=64)
        error = (found[0, 0] - clean)[:, SIDE:-SIDE]
        starts = tiling(256, SIDE, overlap).starts - SIDE
        starts = starts[(starts > 0) & (starts < error.shape[1])]
        seam = torch.zeros(error.shape[1], dtype=torch.bool)
        seam[starts] = True
        steps, squares = error.diff(dim=1).square(), error.square()
        return (
            (steps[:, seam[1:]].mean() / steps[:, ~seam[1:]].mean()).item(),
            (squares[:, seam].mean() / squares[:, ~seam].mean()).item(),
        )

    assert at_seams(3 * SIDE // 4) == pytest.approx((1, 1), abs=0.1)
    steps, squares = at_seams(0)
    assert steps > 2
    assert squares > 1.15


@pytest.mark.parametrize("name", ["dense", "vae"])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (5, 28), (28, 28), (29, 101)])
def test_networks_of_one_size_take_any(name: str, size: tuple[int, int]) -> None:
    model, noisy = new_model(name).eval(), picture(1, *size)
    restorer = Restorer(model, None, CPU)
    restored = restorer(noisy)
    assert restored.shape == noisy.shape
    assert ((restored >= 0) & (restored <= 1)).all()
    if size == (28, 28):
        assert torch.equal(restored, model(noisy[None])[0])
    assert (restorer.tile_for(noisy) is None) == (max(size) <= 28)


def test_a_small_picture_is_continued_by_its_mirror_image() -> None:
    model, noisy = new_model("dense").eval(), picture(1, 28, 20)
    mirrored = torch.cat((noisy[..., :4].flip(-1), noisy, noisy[..., -4:].flip(-1)), -1)
    found = Restorer(model, None, CPU)(noisy)
    assert torch.equal(found, model(mirrored[None])[0, ..., 4:24])


@pytest.mark.parametrize("size", [(1, 1), (2, 37), (31, 5)])
@pytest.mark.parametrize("name", SMALL)
def test_convolutional_networks_take_any_size(name: str, size: tuple[int, int]) -> None:
    restored = Restorer(new_model(name, **SMALL[name]), None, CPU)(picture(1, *size))
    assert restored.shape == (1, *size)
    assert restored.isfinite().all()


def test_a_grey_model_restores_each_channel_on_its_own() -> None:
    restorer, colour = Restorer(new_model("dncnn"), None, CPU), picture(3, 30, 40)
    alone = torch.cat([restorer(channel[None]) for channel in colour])
    assert torch.allclose(restorer(colour), alone, atol=1e-6)


def test_a_colour_model_restores_grey_as_equal_channels() -> None:
    model, grey = new_model("dncnn", (3, 28, 28)).eval(), picture(1, 30, 40)
    expected = model(grey.repeat(3, 1, 1)[None])[0].mean(0, keepdim=True)
    assert torch.equal(Restorer(model, None, CPU)(grey), expected)


def test_memory_decides_about_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    restorer, noisy = Restorer(new_model("unet"), None, CPU), picture(1, 333, 290)
    whole = restorer(noisy)
    monkeypatch.setattr("restoration.restorer.machine.memory", lambda: 200_000_000)
    tile = restorer.tile_for(noisy)
    assert tile is not None
    assert 200 < tile[0] < 330
    assert torch.allclose(restorer(noisy), whole, atol=1e-5)


def test_a_composite_restores_with_its_denoiser() -> None:
    denoiser, classifier = new_model("vae"), new_model("classifier")
    model = Composite(
        describe(denoiser),
        describe(classifier),
        False,
        1.0,
        optimizer={
            "lr": 1e-3,
            "schedule": "exponential",
            "lr_decay": 1.0,
            "warmup": 0.0,
            "weight_decay": 0.0,
            "muon_lr": None,
        },
        seed=0,
    ).eval()
    noisy = picture(1, 28, 28)
    assert torch.equal(Restorer(model, None, CPU)(noisy), model(noisy[None])[0][0])


def test_what_cannot_restore_is_refused() -> None:
    for model, tile, reason in (
        (new_model("classifier"), None, "a Classifier restores no pictures"),
        (new_model("dense"), 64, "tile=64: a Dense has tiles of its own size, 28 x 28"),
        (
            new_model("unet"),
            64,
            "tile=64: it must be at least 188 pixels, since this network sees 14",
        ),
        (new_model("unet", (2, 28, 28)), None, "its model is for images of 2 channels"),
    ):
        with pytest.raises(ValueError, match=reason):
            Restorer(model, tile, CPU)


def test_a_picture_is_restored_the_same_twice() -> None:
    restorer, noisy = Restorer(new_model("vae"), None, CPU), picture(1, 50, 60)
    assert np.array_equal(restorer(noisy).numpy(), restorer(noisy).numpy())
