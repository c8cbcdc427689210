"""Dead leaves: the law of their sizes, the look of the pictures, and which pictures a split has."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import ndtr
from skimage.draw import ellipse
from torch import Tensor

from datamodules.dead_leaves import DeadLeaves
from datamodules.images import Split
from datamodules.leaf_pictures import draw_picture, expose
from datamodules.leaves import Leaves, draw_radii, fall, paint
from datamodules.noise import Gaussian
from datamodules.sampling import DrawSampler
from groundwork import machine

SETTINGS: dict[str, Any] = {
    "pictures": 3,
    "size": 64,
    "channels": 1,
    "crop": 16,
    "min_radius": 1.0,
    "max_radius": 32.0,
    "symmetries": True,
    "grey_share": 0.0,
    "train_size": 40,
    "val_size": 20,
    "test_size": 10,
    "data_seed": 0,
    "batch_size": 16,
    "eval_seed": 0,
    "num_workers": 0,
    "seed": 0,
}
SPLITS: tuple[Split, ...] = ("train", "val", "test")


def new_data(**settings: Any) -> DeadLeaves:
    data = DeadLeaves(Gaussian(std=0.1, clip=False), **SETTINGS | settings)
    data.setup("fit")
    data.setup("test")
    return data


def clean(data: DeadLeaves, split: Split) -> Tensor:
    return data.eval_batch(split, torch.arange(data.size(split))).clean


def of_epoch(data: DeadLeaves, epoch: int) -> Tensor:
    loader = data.train_dataloader()
    assert isinstance(loader.sampler, DrawSampler)
    loader.sampler.set_epoch(epoch)
    return torch.cat([data.on_after_batch_transfer(draw, 0).clean for draw in loader])


def leaves_of(*disks: tuple[float, float, float]) -> Leaves:
    """Uncut disks, given by x, y and radius."""
    x, y, radius = np.array(disks, float).T
    ones, lines = np.ones(len(disks)), np.zeros((1, len(disks)))
    return Leaves(x, y, radius, ones, 0 * ones, lines, lines + np.inf)


# Shapes


def test_radii_follow_the_inverse_cube() -> None:
    low, high = 0.5, 40.0
    radii = draw_radii(20_000, low, high, np.random.default_rng(0))
    law = lambda r: (low**-2 - r**-2) / (low**-2 - high**-2)  # noqa: E731
    assert stats.kstest(radii, law).pvalue > 0.01
    assert low <= radii.min() < radii.max() <= high


def test_leaves_in_the_window_have_the_law_of_all() -> None:
    """Leaves that miss the window are left out, which must not favour small or large ones."""
    side, low, high = 64, 1.0, 32.0
    random = np.random.default_rng(1)
    radii = []
    for _ in range(8):
        leaves = fall(side, low, high, random)
        inside = (np.abs(leaves.x - 31.5) < 32) & (np.abs(leaves.y - 31.5) < 32)
        radii.append(leaves.radius[inside])
    law = lambda r: (low**-2 - r**-2) / (low**-2 - high**-2)  # noqa: E731
    assert stats.kstest(np.concatenate(radii), law).pvalue > 0.01


def test_a_large_leaf_covers_the_window_from_outside() -> None:
    """At each place, large leaves lie as often as at any other: edges are like the middle."""
    random = np.random.default_rng(2)
    radius = []
    for _ in range(60):
        leaves = fall(32, 2.0, 32.0, random)
        topmost = paint(leaves, 32)
        radius.append(np.append(leaves.radius, 0)[topmost])
    mean = np.mean(radius, 0)
    middle, corner = mean[12:20, 12:20].mean(), np.mean([mean[:4, :4], mean[-4:, -4:]])
    assert corner == pytest.approx(middle, rel=0.25)


def test_ellipses_cover_the_pixels_that_scikit_image_fills() -> None:
    uncut = np.zeros((1, 1)), np.full((1, 1), np.inf)
    one = Leaves(*[*np.array([20.3, 14.8, 11, 0.4, 0.7])[:, None], *uncut])
    rows, columns = ellipse(14.8, 20.3, 0.4 * 11, 11, (32, 40), rotation=-0.7)
    expected = np.zeros((40, 40), bool)
    expected[rows, columns] = True
    assert ((paint(one, 40) == 0) != expected).sum() <= 2  # on the outline


def test_lines_cut_a_disk_into_a_square() -> None:
    angle = np.arange(4)[:, None] * math.pi / 2
    half = 0.5**0.5
    disk = np.array([20, 20, 10 / half, 1, math.pi / 6])[:, None]
    square = Leaves(*[*disk, angle, np.full((4, 1), half)])
    y, x = np.indices((40, 40)) - 20.0
    cos, sin = math.cos(math.pi / 6), math.sin(math.pi / 6)
    inside = np.maximum(np.abs(cos * x + sin * y), np.abs(cos * y - sin * x)) < 10
    assert np.array_equal(paint(square, 40) == 0, inside)


def test_later_leaves_lie_on_earlier_ones() -> None:
    topmost = paint(leaves_of((10, 10, 8), (14, 10, 4), (-50, 10, 5)), 24)
    assert topmost[10, 14] == 1
    assert topmost[10, 5] == 0
    assert topmost[23, 23] == -1
    assert set(np.unique(topmost)) == {-1, 0, 1}


def test_leaves_are_painted_in_order_across_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    leaves = fall(48, 1.0, 24.0, np.random.default_rng(3))
    whole = paint(leaves, 48)
    monkeypatch.setattr("datamodules.leaves.CHUNK", 100)
    assert np.array_equal(paint(leaves, 48), whole)
    assert (whole < 0).mean() < 0.05


# Pictures


@pytest.mark.parametrize("blur", [0.3, 0.7])
def test_edges_are_anti_aliased(blur: float) -> None:
    """A slanted edge is the step's integral over each blurred pixel, not a staircase."""

    def distance(steps: int) -> np.ndarray:
        """From the edge, in pixels, at steps x steps places in each of 32 x 32 pixels."""
        axis = (np.arange(32 * steps) + 0.5) / steps - 16
        return math.cos(0.4) * axis + math.sin(0.4) * axis[:, None]

    seen = expose((distance(2) > 0).astype(float)[None], blur)[0]
    expected = ndtr(distance(16) / blur).reshape(32, 16, 32, 16).mean((1, 3))
    middle = slice(6, -6)
    assert np.abs(seen - expected)[middle, middle].max() < 0.09  # two samples a pixel
    assert np.abs(seen - expected)[middle, middle].mean() < 0.01


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_has_blacks_whites_and_the_spectrum_of_photographs(channels: int) -> None:
    side = 128
    pictures = np.stack(
        [draw_picture(side, channels, 0.5, 64.0, np.random.default_rng(n)) for n in range(12)]
    )
    assert pictures.shape == (12, channels, side, side)
    assert pictures.dtype == np.uint8
    assert np.percentile(pictures, 5) < 40
    assert np.percentile(pictures, 95) > 180
    assert 30 < np.median(pictures.std((1, 2, 3))) < 80
    grey = pictures.mean(1) / 255
    window = np.hanning(side)[:, None] * np.hanning(side)
    power = np.abs(np.fft.fft2((grey - grey.mean((1, 2), keepdims=True)) * window)) ** 2
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side))
    edges = np.geomspace(3 / side, 0.25, 9)
    ring = np.digitize(frequency, edges)
    mean = [power.mean(0)[ring == n].mean() for n in range(1, 9)]
    slope = np.polyfit(np.log(edges[1:] * edges[:-1]) / 2, np.log(mean), 1)[0]
    assert -3 < slope < -2  # 24 photographs have -2.8
    if channels == 3:
        red, green, blue = pictures.astype(float).transpose(1, 0, 2, 3).reshape(3, -1)
        luminance, chroma = (red + green + blue).std() / 3, (red - blue).std() / 2
        assert 0.03 * luminance < chroma < 0.5 * luminance


def test_a_picture_follows_from_its_generator() -> None:
    first, same, other = (
        draw_picture(48, 3, 0.5, 24.0, np.random.default_rng(n)) for n in (0, 0, 1)
    )
    assert np.array_equal(first, same)
    assert (first != other).mean() > 0.5


# Splits


@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_ranges_and_labels(channels: int) -> None:
    data = new_data(channels=channels)
    assert data.image_shape == (channels, 16, 16)
    assert [data.size(split) for split in SPLITS] == [40, 20, 10]
    for split in SPLITS:
        images = clean(data, split)
        assert images.shape[1:] == data.image_shape
        assert images.dtype == torch.float32
        assert 0 <= images.min() < images.max() <= 1
        assert (data.labels(split) == -1).all()
    assert (data.class_names, data.num_classes) == ((), 0)


def test_training_is_keyed_by_seed_and_epoch() -> None:
    first, same, other = (new_data(seed=seed) for seed in (3, 3, 4))
    for epoch in (0, 1):
        assert torch.equal(of_epoch(first, epoch), of_epoch(same, epoch))
        assert not torch.equal(of_epoch(first, epoch), of_epoch(other, epoch))
    zeroth, next_one = (of_epoch(first, epoch).flatten(1).unique(dim=0) for epoch in (0, 1))
    assert not torch.equal(zeroth, next_one)  # other crops, not just another order
    # A baseline is fitted to crops that are the same for all training seeds.
    assert torch.equal(first.fitting_batch().noisy, other.fitting_batch().noisy)


def test_held_out_pictures_depend_on_the_seed_of_evaluation_alone() -> None:
    first = new_data()
    for split in ("val", "test"):
        images = clean(first, split)
        for settings in ({"seed": 1}, {"data_seed": 1, "pictures": 2}, {"batch_size": 4}):
            assert torch.equal(clean(new_data(**settings), split), images)
        assert not torch.equal(clean(new_data(eval_seed=1), split), images)
    assert not torch.equal(clean(first, "train"), clean(new_data(data_seed=1), "train"))


def test_splits_share_no_picture() -> None:
    data = new_data(pictures=2, crop=64, val_size=2, test_size=2, symmetries=False)
    pictures = torch.cat([clean(data, split)[:2] for split in ("val", "test")])
    training = clean(data, "train").flatten(1).unique(dim=0)
    assert len(training) == 2
    assert len(torch.cat([pictures.flatten(1), training]).unique(dim=0)) == 6


def test_more_pictures_begin_with_the_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is keyed by its number: neither the others nor the number of threads change it."""
    few = new_data(pictures=2)._images[False]
    monkeypatch.setattr(machine, "cores", lambda: 1)
    more = new_data(pictures=4)._images[False]
    assert torch.equal(more[: 2 * 64 * 64], few[: 2 * 64 * 64])


def test_only_the_pictures_that_are_needed_are_drawn() -> None:
    data = DeadLeaves(Gaussian(std=0.1, clip=False), **SETTINGS)
    data.setup("test")
    assert data._images.keys() == {True}
    assert torch.equal(clean(data, "test"), clean(new_data(), "test"))


def test_the_fingerprint_tells_what_was_drawn() -> None:
    first = new_data()
    assert len(first.split_fingerprint()) == 16
    assert new_data(seed=1, batch_size=4).split_fingerprint() == first.split_fingerprint()
    for settings in ({"eval_seed": 1}, {"data_seed": 1}, {"pictures": 2}, {"max_radius": 30.0}):
        assert new_data(**settings).split_fingerprint() != first.split_fingerprint()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"crop": 65}, "^crop must be at most size, which is 64, got 65"),
        ({"max_radius": 65.0}, "^max_radius must be .* at most size, which is 64, got 65"),
        ({"min_radius": 8.0, "max_radius": 8.0}, "^max_radius must be above min_radius"),
        ({"min_radius": 0.1}, "min_radius must be"),
        ({"max_radius": 1.0}, "max_radius must be"),
        ({"pictures": 0}, "pictures must be"),
        ({"size": 16}, "size must be"),
        ({"size": math.nan}, "size"),
        ({"data_seed": -1}, "data_seed must be"),
        ({"train_size": 0}, "train_size must be"),
    ],
)
def test_a_setting_out_of_range_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        DeadLeaves(Gaussian(std=0.1, clip=False), **SETTINGS | settings)


def test_more_pictures_than_memory_are_refused_before_drawing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "memory", lambda: 10_000_000)
    with pytest.raises(ValueError, match=r"^drawing 1\d+ pictures takes .*: lower data.pictures"):
        new_data(pictures=100_000)
