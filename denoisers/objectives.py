"""Objectives: what training minimises, with clean images or without them.

B images, C channels, H x W pixels, N = C * H * W values; y is a noisy image, x the clean one, f the
network. Each loss is the paper's mean over the values that it compares, times N, averaged over the
batch. In expectation all but Noise2Self's and Neighbor2Neighbor's are the supervised squared error
|f(y) - x|^2 plus a constant that does not depend on the weights; R2R's y is noisier.

An objective changes training only. The network stays the same and restores an image in one pass.
Validation and test compare with clean images, and the best epoch is chosen by val/psnr, as in the
papers. Only for pictures that are noisy already, the objective's loss on held-out ones chooses.
"""

import math
from dataclasses import dataclass, replace
from typing import Annotated, Self

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from denoisers.base import ImageModel, LossOutput
from denoisers.blind_spots import BlindSpots
from denoisers.losses import distance
from denoisers.training_objective import Net, TrainingObjective, Unsupervised
from groundwork.batch import Batch

Sigma = Annotated[float, Field(ge=0)] | None


@dataclass(frozen=True)
class Supervised(TrainingObjective):
    """The model's own loss, which compares with the clean images."""

    needs_noise = "any"

    def require_fit(self, model: ImageModel) -> None:
        """Accept any model."""

    def __call__(self, model: ImageModel, batch: Batch, random: torch.Generator) -> LossOutput:
        return model.loss_of(batch, random)


@dataclass(frozen=True)
class Noise2Noise(Unsupervised):
    """Lehtinen et al. (2018), eq. 6: |f(y) - y'|^2, where y' is x under another draw of the noise.

    Given y, the means of y' and of x are the same.
    """

    needs_second = True

    def allowed_reach(self) -> tuple[float, float]:
        return math.inf, math.inf

    def loss(self, net: Net, batch: Batch, random: torch.Generator) -> Tensor:
        assert batch.second is not None
        return distance("mse", net(batch.noisy), batch.second)


@dataclass(frozen=True)
class Noise2Self(BlindSpots):
    """Batson and Royer (2019), proposition 1: |f_J(y) - y_J|^2 for pixels J that f does not see.

    J is a grid of one pixel in each width x width. Its place is drawn for each image. The network
    sees the mean of the eight pixels around each pixel of J instead (section 4.2), in all channels.
    The noise has to be independent between pixels.
    """

    def instead(self, batch: Batch, hidden: Tensor, random: torch.Generator) -> Tensor:
        return mean_of_neighbours(batch.noisy)


def mean_of_neighbours(images: Tensor) -> Tensor:
    """Return the weighted mean of the eight pixels around each pixel: B C H W.

    Those at its sides count twice, as in Batson and Royer's code. At the border the mean is of
    those inside the image.
    """
    weights = images.new_ones(3, 3)
    weights[1] *= 2
    weights[:, 1] *= 2
    weights[1, 1] = 0
    kernel = weights[None, None]
    inside = F.conv2d(torch.ones_like(images[:1, :1]), kernel, padding=1)
    flat = images.flatten(0, 1).unsqueeze(1)
    return F.conv2d(flat, kernel, padding=1).view_as(images) / inside


@dataclass(frozen=True)
class Neighbor2Neighbor(Unsupervised):
    """Huang et al. (2021), eq. 8, with two sub-images g1 and g2 of half the size:

    |f(g1(y)) - g2(y)|^2 + gamma |f(g1(y)) - g2(y) - (g1(f(y)) - g2(f(y)))|^2

    No gradient passes through the f(y) of the second term. In each 2 x 2 pixels g1 takes one and g2
    one beside it, so that they show almost the same image under independent noise. The second term
    corrects for the difference (section 3.3). A last odd row or column is left out.

    Attributes:
        gamma: Weight of the second term. It is constant; in the paper's code it rises from 0 to 2.
    """

    gamma: Annotated[float, Field(ge=0)]
    needs_fully_convolutional = True

    def choosing(self) -> Self:
        """Leave the second term out, which may rise while the network gets better."""
        return replace(self, gamma=0.0)

    def loss(self, net: Net, batch: Batch, random: torch.Generator) -> Tensor:
        noisy = batch.noisy[..., : batch.noisy.shape[-2] // 2 * 2, : batch.noisy.shape[-1] // 2 * 2]
        places = batch.draw_per_image(lambda images: torch.cat(self.places(images, random), 1))
        first, second = places.split(1, 1)
        restored, target = net(pick(noisy, first)), pick(noisy, second)
        with torch.no_grad():
            whole = net(noisy)
        difference = pick(whole, first) - pick(whole, second)
        error = distance("mse", restored, target)
        regulariser = distance("mse", restored - difference, target)
        return 4 * (error + self.gamma * regulariser)  # a sub-image has a quarter of the pixels

    def places(self, images: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw two neighbours in each 2 x 2 pixels, numbered 0 1 / 2 3: int64 B 1 H/2 W/2 each."""
        size = len(images), 1, images.shape[-2] // 2, images.shape[-1] // 2
        first = torch.randint(4, size, generator=random, device=images.device)
        # The bits of the number are row and column. One of the two is flipped.
        flipped = torch.randint(1, 3, size, generator=random, device=images.device)
        return first, first ^ flipped


def pick(images: Tensor, places: Tensor) -> Tensor:
    """Return the pixel of each 2 x 2 that `places` names: B C H W, B 1 H/2 W/2 -> B C H/2 W/2."""
    cells = F.pixel_unshuffle(images, 2).unflatten(1, (-1, 4))
    index = places.unsqueeze(2).expand(-1, images.shape[1], -1, -1, -1)
    return cells.gather(2, index).squeeze(2)


@dataclass(frozen=True)
class SURE(Unsupervised):
    """Stein's unbiased risk estimate (Stein 1981), for y = x + n with n ~ N(0, sigma^2 I):

    |f(y) - y|^2 - N sigma^2 + 2 sigma^2 div f(y)

    Its expectation is that of |f(y) - x|^2, but it can be below 0. The divergence is estimated by
    `restored_and_divergence`.

    Attributes:
        sigma: Standard deviation of the noise, in units of the [0, 1] range. None is to be
            estimated from the pictures.
        epsilon: Step of the difference, in the same units.
    """

    sigma: Sigma
    epsilon: Annotated[float, Field(gt=0)]
    needs_noise = "gaussian"

    def fitted(self, std: float | None, reach: tuple[int, int]) -> Self:
        return self if self.sigma is not None else replace(self, sigma=_known(std))

    def loss(self, net: Net, batch: Batch, random: torch.Generator) -> Tensor:
        assert self.sigma is not None
        noisy, variance = batch.noisy, self.sigma**2
        restored, divergence = restored_and_divergence(net, batch, self.epsilon, random)
        constant = noisy[0].numel() * variance
        return distance("mse", restored, noisy) - constant + 2 * variance * divergence


def restored_and_divergence(
    net: Net, batch: Batch, epsilon: float, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return f(y), B C H W, and an estimate of the mean of div f(y) over a batch, a scalar.

    It is taken along one random direction b ~ N(0, I) for each image, as
    b . (f(y + epsilon b) - f(y)) / epsilon (Ramani, Blu and Unser 2008, theorem 2). Such small
    differences need float32, so mixed precision is off.
    """
    noisy = batch.noisy
    direction = batch.draw_per_image(lambda images: standard_normal_like(images, random))
    with torch.autocast(noisy.device.type, enabled=False):
        restored = net(noisy)
        change = net(noisy + epsilon * direction) - restored
        divergence = (direction * change).sum() / epsilon / len(noisy)
    return restored, divergence


@dataclass(frozen=True)
class R2R(Unsupervised):
    """Recorrupted-to-recorrupted, Pang et al. (2021), with z ~ N(0, sigma^2 I):

    |f(y + alpha z) - (y - z / alpha)|^2

    The noise of input and target is independent, as in Noise2Noise (theorem 1). The variance of the
    input's noise is 1 + alpha^2 times that of y's. The paper restores with the mean of
    f(y + alpha z) over 50 draws of z. Here f(y) restores, so that all models need one pass; on
    Fashion-MNIST at sigma 0.5 the mean over 50 gains 0.02 dB.

    Attributes:
        sigma: Standard deviation of the noise, in units of the [0, 1] range. None is to be
            estimated from the pictures.
        alpha: How much noisier the input is than y. The paper has 0.5.
    """

    sigma: Sigma
    alpha: Annotated[float, Field(gt=0)]
    needs_noise = "gaussian"

    def fitted(self, std: float | None, reach: tuple[int, int]) -> Self:
        return self if self.sigma is not None else replace(self, sigma=_known(std))

    def loss(self, net: Net, batch: Batch, random: torch.Generator) -> Tensor:
        draw = batch.draw_per_image(lambda images: standard_normal_like(images, random))
        noisier, target = self.views(batch.noisy, draw)
        return distance("mse", net(noisier), target)

    def views(self, noisy: Tensor, draw: Tensor) -> tuple[Tensor, Tensor]:
        """Return input and target, B C H W each, for a standard normal draw of that shape."""
        assert self.sigma is not None
        noise = self.sigma * draw
        return noisy + self.alpha * noise, noisy - noise / self.alpha


def standard_normal_like(images: Tensor, random: torch.Generator) -> Tensor:
    return torch.randn(images.shape, generator=random, device=images.device)


def _known(std: float | None) -> float:
    if std is None:
        raise ValueError("objective.sigma: the noise of the pictures cannot be estimated: give it")
    return std
