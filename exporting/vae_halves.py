"""The two halves of a VAE as ONNX networks of their own, for sliders on its latents.

B images of C channels, H x W pixels, L latents:
encoder: noisy B C H W -> means of the latents B L;  decoder: latents B L -> restored B C H W
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from datamodules.images import EVAL_NOISE_BLOCK, ImageDataModule
from denoisers.vae import VAE, kl_by_latent
from exporting import onnx
from exporting.about import RESTORED, input_name
from exporting.checks import Run
from exporting.tracing import EXAMPLE, trace_module

LATENT = "latent"


class Encoder(nn.Module):
    """A VAE's `encode` as a network."""

    def __init__(self, vae: VAE) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, noisy: Tensor) -> Tensor:
        return self.vae.encode(noisy)


class Decoder(nn.Module):
    """A VAE's `decode` as a network."""

    def __init__(self, vae: VAE) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, latent: Tensor) -> Tensor:
        return self.vae.decode(latent)


class Latents(NamedTuple):
    """What validation images say of a VAE's latents.

    Attributes:
        order: The latents' numbers, the one with the largest mean divergence from the prior first.
        spread: Standard deviation over images of each latent's mean, in the latents' own order.
    """

    order: list[int]
    spread: list[float]


def encoder(vae: VAE, about: dict[str, str]) -> bytes:
    """Return the content of an ONNX file with the encoder."""
    images = torch.zeros(EXAMPLE[0], *vae.image_shape)
    return _content(Encoder(vae), images, input_name(vae), LATENT, about)


def decoder(vae: VAE, about: dict[str, str]) -> bytes:
    """Return the content of an ONNX file with the decoder."""
    latents = torch.zeros(EXAMPLE[0], vae.latent_dim)
    return _content(Decoder(vae), latents, LATENT, RESTORED, about)


def composed(encode: Run, decode: Run) -> Run:
    """Return both halves as one network, to compare it with the VAE."""
    return lambda noisy: decode(*encode(noisy))


def _content(
    half: nn.Module, example: Tensor, given: str, got: str, about: dict[str, str]
) -> bytes:
    program = trace_module(half, example, (0,))
    content: bytes = onnx.convert(program, given, [got], {0: "batch"}, about).SerializeToString()
    return content


@torch.inference_mode()
def latents_of(vae: VAE, data: ImageDataModule) -> Latents:
    """Measure the latents on the validation images, which are loaded, with the data's noise."""
    index = torch.arange(data.size("val"))
    codes = [
        vae.posterior(data.eval_batch("val", part).noisy) for part in index.split(EVAL_NOISE_BLOCK)
    ]
    mean, log_variance = (torch.cat(parts) for parts in zip(*codes, strict=True))
    order = kl_by_latent(mean, log_variance).mean(0).argsort(descending=True, stable=True)
    return Latents(order.tolist(), mean.std(0, correction=0).tolist())
