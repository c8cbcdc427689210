"""Small VAEs and what their tests share."""

from typing import Any

import torch
from torch import Tensor

from denoisers.vae import VAE
from tests.helpers.models import new_model, random_batch

LIKELIHOODS = ["optimal", "learned", "fixed", "bernoulli"]


def new_vae(image_shape: tuple[int, int, int] = (1, 28, 28), **arguments: Any) -> VAE:
    torch.manual_seed(0)
    model = new_model("vae", image_shape, **arguments)
    assert isinstance(model, VAE)
    return model


def new_generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def logits_and_clean(size: int = 4) -> tuple[Tensor, Tensor]:
    batch = random_batch(size)
    return 2 * torch.randn(batch.clean.shape, generator=new_generator(1)), batch.clean
