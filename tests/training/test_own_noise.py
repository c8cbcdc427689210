"""An objective that is fitted to noisy pictures, and what is said where it does not fit them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from scipy.ndimage import uniform_filter1d  # type: ignore[import-untyped]

from datamodules.no_noise import NoNoise
from datamodules.noisy_folder import NoisyFolder
from denoisers.noise2void import Noise2Void
from denoisers.objectives import R2R, SURE, Neighbor2Neighbor, Noise2Noise, Noise2Self
from denoisers.structn2v import StructN2V
from denoisers.training_objective import Unsupervised
from denoisers.unsure import UNSURE
from denoisers.zero_shot import ZeroShot
from tests.helpers.models import new_model
from tests.helpers.noisy_folder import SETTINGS
from tests.helpers.pictures import photograph
from training.own_noise import fit_objective, misfits

CLEAN = 0.2 + 0.6 * photograph(1, 256, 256)
STD = 0.08
# Of noise that has to be independent between pixels.
INDEPENDENT = (
    Noise2Self(4),
    Noise2Void(8, 5),
    Neighbor2Neighbor(2.0),
    ZeroShot(1.0),
    UNSURE(0.01, 0.1, 0.01, 0.9),
)


def pictures(tmp_path: Path, noisy: np.ndarray) -> NoisyFolder:
    tifffile.imwrite(tmp_path / "one.tif", noisy.astype(np.float32)[0])
    settings: dict[str, Any] = SETTINGS | {"range": [0.0, 1.0]}
    data = NoisyFolder(NoNoise(clip=False), root=str(tmp_path), **settings)
    data.setup("fit")
    return data


def white() -> np.ndarray:
    return np.random.default_rng(0).standard_normal(CLEAN.shape)


def shared() -> np.ndarray:
    averaged = uniform_filter1d(white(), 3, axis=2, mode="wrap")
    return averaged / averaged.std()


def test_white_noise_fits_all_and_its_strength_is_estimated(tmp_path: Path) -> None:
    data = pictures(tmp_path, CLEAN + STD * white())
    noise = data.noise_of_pictures()
    assert noise.std == pytest.approx(STD, rel=0.1)
    assert noise.reach == (0, 0)
    for objective in (SURE(None, 0.01), R2R(None, 0.5), *INDEPENDENT):
        assert misfits(objective, noise) == []
    model = new_model("unet")
    chosen = fit_objective(model, SURE(None, 0.01), data)
    assert chosen == {"sigma": noise.std, "epsilon": 0.01}
    assert model._trained_by == SURE(noise.std, 0.01)
    assert fit_objective(model, R2R(0.3, 0.5), data)["sigma"] == 0.3
    assert fit_objective(model, StructN2V(4, None), data)["reach"] == [0, 0]


def test_noise_that_neighbours_share_is_named_unless_it_is_hidden(tmp_path: Path) -> None:
    data = pictures(tmp_path, CLEAN + STD * shared())
    noise = data.noise_of_pictures()
    assert noise.reach == (0, 2)
    for objective in INDEPENDENT:
        (line,) = misfits(objective, noise)
        assert "pixels up to 0 down and 2 across share noise (correlation 0.6" in line
        assert f"which {type(objective).__name__} takes to be independent" in line
        assert "choose objective=structn2v" in line
    fitting: list[Unsupervised] = [Noise2Noise(), StructN2V(4, None).fitted(None, noise.reach)]
    assert [misfits(objective, noise) for objective in fitting] == [[], []]
    assert misfits(StructN2V(4, [0, 1]), noise)


def test_noise_that_was_cut_is_named(tmp_path: Path) -> None:
    noisy = (CLEAN - 0.15 + STD * white()).clip(0, 1)
    noise = pictures(tmp_path, noisy).noise_of_pictures()
    (line,) = misfits(Noise2Self(4), noise)
    assert all(misfits(objective, noise)[0] == line for objective in INDEPENDENT)
    assert f"{(noisy == 0)[:, :231].mean() + (noisy == 1)[:, :231].mean():.1%} of the" in line


def test_noise_that_grows_with_the_light_does_not_fit_one_sigma(tmp_path: Path) -> None:
    noisy = np.random.default_rng(0).poisson(60 * CLEAN) / 60
    noise = pictures(tmp_path, noisy).noise_of_pictures()
    assert noise.grows
    for objective in (SURE(0.1, 0.01), UNSURE(0.01, 0.1, 0.01, 0.9)):
        assert "grows with the light" in misfits(objective, noise)[-1]
    assert not any("grows" in line for line in misfits(Noise2Self(4), noise))


def test_a_sigma_that_cannot_be_estimated_has_to_be_given() -> None:
    with pytest.raises(ValueError, match=r"objective\.sigma: .* cannot be estimated: give it"):
        SURE(None, 0.01).fitted(None, (0, 0))
