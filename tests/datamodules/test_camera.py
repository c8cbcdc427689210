"""A camera's noise against what is known of its steps, one at a time."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage import color, data, filters
from torch import Tensor

from datamodules import colours, jpeg
from datamodules.camera import Camera
from datamodules.mixed_noise import Mixed
from datamodules.noise import Gaussian
from datamodules.noise_reduction import smoothed
from groundwork.seeding import generator

# A sensor alone, at one level. b is what the relation of Brooks et al. gives, without its scatter.
A = 1e-3
B = np.exp(2.18 * np.log(A) + 1.20)
SENSOR = Camera(A, A, 0.0, 0.0, 1, 100, strength=1.0, clip=True)
# A camera as a whole.
CAMERA = Camera(1e-4, 0.012, 1.2, 0.8, 60, 100, strength=1.0, clip=True)
EXPOSURES = np.random.default_rng(0).normal(0.8, 0.1, 100_000)


def draw(noise: Camera | Mixed, clean: Tensor, seed: int = 0) -> Tensor:
    return noise(clean, torch.Generator().manual_seed(seed))


def flat(grey: float, count: int = 400, channels: int = 3, side: int = 24) -> Tensor:
    return torch.full((count, channels, side, side), grey)


def correlation(noise: Tensor, down: int, across: int) -> float:
    """Return the correlation of pixels of B C H W that lie so far apart in the same channel."""
    noise = noise - noise.mean((2, 3), keepdim=True)
    first = noise[..., : noise.shape[2] - down, : noise.shape[3] - across]
    return ((first * noise[..., down:, across:]).mean() / noise.square().mean()).item()


def photographs() -> Tensor:
    picture = torch.from_numpy(data.chelsea()).permute(2, 0, 1).float() / 255
    return torch.stack([picture[:, i : i + 96, i : i + 96] for i in range(50, 200, 25)])


# The sensor


@pytest.mark.parametrize("grey", [0.2, 0.5, 0.8])
def test_raw_noise_has_the_variance_of_the_light_and_of_reading_it(grey: float) -> None:
    """The raw number is e times the light, with exposures e of 0.8 ± 0.1. Its noise is over e."""
    clean = flat(grey, count=2_000, channels=1)
    light = colours.linear(clean)
    noise = colours.linear(draw(SENSOR, clean)) - light
    scatter = np.exp(0.26**2 / 2)  # the mean of the read-out noise's deviations from the relation
    expected = (A * light[0, 0, 0, 0].item() / EXPOSURES + B * scatter / EXPOSURES**2).mean()
    assert noise.var().item() == pytest.approx(expected, rel=0.03)


def test_the_variance_grows_with_the_light_in_a_straight_line() -> None:
    lights = np.linspace(0.02, 0.6, 8)
    variances = []
    for light in lights:
        clean = colours.toned(torch.full((500, 1, 24, 24), float(light)))
        variances.append((colours.linear(draw(SENSOR, clean)) - light).var().item())
    slope, offset = np.polyfit(lights, variances, 1)
    assert slope == pytest.approx(A * (1 / EXPOSURES).mean(), rel=0.05)
    assert 0 < offset < 5 * B
    assert np.corrcoef(lights, variances)[0, 1] > 0.999


def test_levels_are_spread_evenly_on_a_logarithmic_scale() -> None:
    camera = replace(SENSOR, min_shot=1e-4, max_shot=1e-2)
    clean = flat(0.5, count=4_000, channels=1)
    stds = (draw(camera, clean) - clean).flatten(1).std(1).log10()
    # The std is the root of a, so 9 tenths of the images cover 0.9 of the 2 decades, halved.
    low, middle, high = stds.quantile(torch.tensor([0.05, 0.5, 0.95])).tolist()
    assert high - low == pytest.approx(0.9, abs=0.1)
    assert middle == pytest.approx((low + high) / 2, abs=0.05)


# Correlations


def test_the_noise_of_a_sensor_without_a_mosaic_is_white() -> None:
    noise = draw(SENSOR, flat(0.5, channels=1)) - 0.5
    for down, across in ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0)):
        assert abs(correlation(noise, down, across)) < 0.01


@pytest.mark.parametrize(
    "camera",
    [
        pytest.param(SENSOR, id="mosaic"),
        pytest.param(replace(SENSOR, jpeg_probability=1.0, max_quality=60), id="jpeg"),
        pytest.param(replace(SENSOR, max_smoothing=1.0), id="noise reduction"),
        pytest.param(CAMERA, id="all"),
    ],
)
def test_the_noise_of_neighbouring_pixels_is_correlated(camera: Camera) -> None:
    noise = draw(camera, flat(0.5)) - 0.5
    assert correlation(noise, 0, 1) > 0.25
    assert correlation(noise, 1, 0) > 0.25


def test_compressed_grey_pictures_have_correlated_noise() -> None:
    camera = replace(SENSOR, jpeg_probability=1.0, min_quality=60, max_quality=60)
    noise = draw(camera, flat(0.5, channels=1)) - 0.5
    assert correlation(noise, 0, 1) > 0.1
    assert correlation(noise, 1, 0) > 0.1


@pytest.mark.parametrize("std", [0.0, 0.6, 1.5])
def test_noise_reduction_is_a_gaussian_window(std: float) -> None:
    noise = torch.randn(2, 3, 40, 41, generator=generator("cpu", "test"))
    stds = torch.full((2,), std)
    found = smoothed(noise, stds, stds)[..., 8:-8, 8:-8]
    expected = filters.gaussian(noise.numpy(), (0, 0, std, std), truncate=8)[..., 8:-8, 8:-8]
    torch.testing.assert_close(found, torch.from_numpy(expected), rtol=0, atol=1e-4)


def test_noise_reduction_blurs_colours_on_their_own() -> None:
    noise = torch.randn(1, 3, 64, 64, generator=generator("cpu", "test"))
    found = smoothed(noise, torch.tensor([0.0]), torch.tensor([50.0]))
    before, after = (color.rgb2ycbcr(x[0].permute(1, 2, 0).numpy()) for x in (noise, found))
    np.testing.assert_allclose(after[..., 0], before[..., 0], atol=1e-2)
    assert after[..., 1:].std() < before[..., 1:].std() / 20


# Colours and files


def test_the_tone_curve_is_undone() -> None:
    pictures = torch.linspace(0, 1, 256)
    light = colours.linear(pictures)
    torch.testing.assert_close(colours.toned(light), pictures, rtol=0, atol=1e-4)
    assert light[0] == 0
    assert (light.diff() > 0).all()


def test_cameras_see_white_as_white_balance_has_it() -> None:
    to_raw = colours.random_cameras(torch.empty(500, 3, 1, 1), generator("cpu", "test"))
    red, green, blue = (1 / to_raw.sum(2)).unbind(1)
    torch.testing.assert_close(green, torch.ones(500))
    assert 1.9 <= red.min() < 1.95
    assert 2.35 < red.max() <= 2.4001
    assert 1.5 <= blue.min() < 1.55
    assert 1.85 < blue.max() <= 1.9001
    assert (torch.linalg.det(to_raw) > 0.05).all()


def test_the_share_of_files_is_compressed_at_a_quality_of_the_range() -> None:
    """With almost no noise on the sensor, what JPEG loses is left."""
    camera = Camera(1e-12, 1e-12, 0.0, 0.3, 20, 90, strength=1.0, clip=True)
    clean = photographs()[:1].expand(400, 3, 96, 96)
    lost = (draw(camera, clean) - clean).abs().mean((1, 2, 3))
    files = lost > 1e-4
    assert 0.2 < files.float().mean() < 0.4
    worst, best = (
        jpeg.compressed(
            clean[:1],
            jpeg.percent_of(torch.tensor([quality])),
            torch.tensor([halved]),
            torch.zeros(1, 2, dtype=torch.long),
        )
        .sub(clean[:1])
        .abs()
        .mean()
        for quality, halved in ((20, True), (90, False))
    )
    assert lost[files].min() > 0.9 * best
    assert lost[files].max() < 1.1 * worst
    assert lost[files].std() > (worst - best) / 10


# As a whole


def test_without_noise_in_the_light_the_picture_keeps_its_detail() -> None:
    """A mosaic would lose it, which the target has."""
    clean = photographs()
    camera = replace(SENSOR, min_shot=1e-12, max_shot=1e-12)
    torch.testing.assert_close(draw(camera, clean), clean, rtol=0, atol=1e-3)


@pytest.mark.parametrize("channels", [1, 3])
def test_images_have_noise_of_their_own(channels: int) -> None:
    noise = draw(CAMERA, flat(0.5, channels=channels)) - 0.5
    noise = (noise - noise.mean((2, 3), keepdim=True)).flatten(1)
    matrix = torch.corrcoef(noise)
    others = matrix[~torch.eye(len(noise), dtype=torch.bool)]
    assert abs(others.mean().item()) < 1e-3
    assert others.abs().max() < 0.8


@pytest.mark.parametrize(("strength", "clip"), [(1.0, True), (2.0, False)])
def test_the_mean_is_that_of_flat_areas(strength: float, clip: bool) -> None:
    camera = replace(CAMERA, strength=strength, clip=clip)
    for grey in (0.0, 0.04, 0.3, 0.97, 1.0):
        images = draw(camera, flat(grey, count=1_000, side=16), seed=1).mean((1, 2, 3))
        error = (images.mean() - camera.mean(torch.tensor(grey))).abs()
        assert error < 5 * images.std() * (1 / 1_000 + 1 / 256) ** 0.5 + 1e-3


def test_a_camera_takes_what_another_part_has_left_beyond_black_and_white() -> None:
    noise = Mixed({"gaussian": Gaussian(0.5, False), "camera": CAMERA}, 1.0, clip=True)
    assert draw(noise, photographs()).isfinite().all()


def test_the_weakest_noise_leaves_the_picture_and_the_strongest_does_not() -> None:
    clean = photographs()
    weak, strong = (draw(replace(CAMERA, strength=s), clean) for s in (1e-3, 1_000.0))
    assert (weak - clean).abs().mean() < 1.5 / 255  # JPEG's smallest steps, and halved chroma
    assert strong.isfinite().all()
    assert (strong - clean).square().mean() > 0.05


@pytest.mark.parametrize("shape", [(3, 1, 1), (1, 1, 7), (3, 2, 5), (4, 9, 3)])
def test_images_of_any_size_and_number_of_channels_have_noise(shape: tuple[int, ...]) -> None:
    clean = torch.rand(8, *shape, generator=generator("cpu", "test"))
    noisy = draw(CAMERA, clean)
    assert noisy.shape == clean.shape
    assert noisy.isfinite().all()
    assert not torch.equal(noisy, clean)
