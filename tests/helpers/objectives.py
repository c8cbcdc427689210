"""Objectives and batches that their tests share."""

import torch

from denoisers.noise2void import Noise2Void
from denoisers.objectives import R2R, SURE, Neighbor2Neighbor, Noise2Noise, Noise2Self
from denoisers.structn2v import StructN2V
from denoisers.training_objective import Unsupervised
from denoisers.unsure import UNSURE
from denoisers.zero_shot import ZeroShot
from groundwork.batch import Batch

STD = 0.5
CLEAN_FREE: list[Unsupervised] = [
    Noise2Noise(),
    Noise2Self(width=4),
    Neighbor2Neighbor(gamma=2.0),
    SURE(sigma=STD, epsilon=0.01),
    R2R(sigma=STD, alpha=0.5),
    StructN2V(width=4, reach=[0, 1]),
    Noise2Void(width=4, radius=5),
    ZeroShot(consistency=1.0),
    UNSURE(epsilon=0.01, start=0.1, step_size=0.01, momentum=0.9),
]


def random_generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gaussian_batch(size: int, shape: tuple[int, int, int] = (1, 4, 4)) -> Batch:
    """Return one uniform random image `size` times, each under two draws of noise of std 0.5."""
    random = random_generator()
    clean = torch.rand(1, *shape, generator=random).expand(size, -1, -1, -1)
    noisy, second = (clean + STD * torch.randn(clean.shape, generator=random) for _ in range(2))
    return Batch(noisy, clean, torch.full((size,), -1), second)
