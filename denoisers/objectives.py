"""Objectives: what training minimises, with clean images or without them.

B images, C channels, H x W pixels, N = C * H * W values; y is a noisy image, x the clean one, f the
network. Every loss is the paper's mean over the values that it judges, times N, averaged over the
batch: so all but Noise2Self's and Neighbor2Neighbor's are, in expectation, the supervised squared
error |f(y) - x|^2 (of R2R for its own, noisier y) plus a constant that no weight changes.

Whatever trains it, a model is the same network, restores a noisy image in one pass, and is
validated and tested against clean images. Its best epoch is chosen by val/psnr, which takes clean
validation images, as the papers do: only the training images need no clean twin.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from denoisers.base import ImageModel, LossOutput
from denoisers.denoiser import PixelDenoiser
from denoisers.losses import distance
from groundwork.batch import Batch

Net = Callable[[Tensor], Tensor]  # B C H W -> B C H W
NoiseKind = Literal["any", "zero-mean", "gaussian"]


class TrainingObjective(ABC):
    """What takes the place of a model's own objective in training.

    A new one is a frozen dataclass in this file, whose fields are its settings, and a YAML file in
    `conf/objective/` with their defaults.

    needs_noise: of the training images: any, of zero mean, or white Gaussian noise of a known
        standard deviation that is not clipped.
    needs_second: whether batches are to have a second noisy view.
    """

    needs_noise: ClassVar[NoiseKind]
    needs_second: ClassVar[bool] = False

    @abstractmethod
    def require_fit(self, model: ImageModel) -> None:
        """Raises ValueError, with the reason, for a model that this cannot train."""

    @abstractmethod
    def __call__(self, model: ImageModel, batch: Batch, random: torch.Generator) -> LossOutput:
        """The loss of a batch. Every draw comes from `random`, which is on the batch's device."""


@dataclass(frozen=True)
class Supervised(TrainingObjective):
    """The model's own objective, which knows the clean images."""

    needs_noise = "any"

    def require_fit(self, model: ImageModel) -> None:
        """Any model has one."""

    def __call__(self, model: ImageModel, batch: Batch, random: torch.Generator) -> LossOutput:
        return model.loss_of(batch, random)


class Unsupervised(TrainingObjective):
    """An objective that never looks at `batch.clean`."""

    needs_noise: ClassVar[NoiseKind] = "zero-mean"
    needs_fully_convolutional: ClassVar[bool] = False

    def require_fit(self, model: ImageModel) -> None:
        name, of = type(self).__name__, type(model).__name__
        if not isinstance(model, PixelDenoiser):
            raise ValueError(
                f"objective: {name} replaces a loss between pixels, and a {of}'s is another: it "
                "takes objective=supervised only"
            )
        if model.loss != "mse":
            raise ValueError(
                f"objective: {name} finds clean images as the mean of noisy ones, which minimises "
                f"the squared error and no other: model.loss={model.loss} must be mse"
            )
        if self.needs_fully_convolutional and not model.fully_convolutional:
            raise ValueError(
                f"objective: {name} trains on images of half the size, and a {of} takes one size "
                "only: choose a convolutional model"
            )

    def __call__(self, model: ImageModel, batch: Batch, random: torch.Generator) -> LossOutput:
        assert isinstance(model, PixelDenoiser)
        return LossOutput({"loss": self.loss(model.estimate, batch, random)})

    @abstractmethod
    def loss(self, net: Net, batch: Batch, random: torch.Generator) -> Tensor:
        """A scalar. net: from noisy to restored images, in training mode."""


@dataclass(frozen=True)
class Noise2Noise(Unsupervised):
    """Lehtinen et al. 2018, eq. 6: |f(y) - y'|^2, where y' is the same image under another draw.

    The mean of y', given y, is that of x.
    """

    needs_second = True

    def loss(self, net: Net, batch: Batch, random: torch.Generator) -> Tensor:
        assert batch.second is not None
        return distance("mse", net(batch.noisy), batch.second)


@dataclass(frozen=True)
class Noise2Self(Unsupervised):
    """Batson and Royer 2019, proposition 1: |f_J(y) - y_J|^2 for pixels J that f does not see.

    J is a grid of one pixel in each width x width; where it lies is drawn for each image. Its
    pixels are replaced, for the network, by the mean of the eight around them (section 4.2; Krull,
    Buchholz and Jug 2019 put in one of them), which hides all channels of a pixel. The noise has to
    be independent between pixels. Images are restored from all their pixels, as Krull et al. do:
    the network then sees more than it was trained with.

    width: of the grid's cells, at least 2: else a pixel's neighbours would be hidden too.
    """

    width: int

    def __post_init__(self) -> None:
        if self.width < 2:
            raise ValueError(f"width must be at least 2, got {self.width}")

    def loss(self, net: Net, batch: Batch, random: torch.Generator) -> Tensor:
        noisy = batch.noisy
        hidden = batch.draw_per_image(lambda images: self.hidden(images, random))
        restored = net(torch.where(hidden, mean_of_neighbours(noisy), noisy))
        # Each pixel is hidden with probability 1 / width^2.
        return self.width**2 * distance("mse", hidden * restored, hidden * noisy)

    def hidden(self, images: Tensor, random: torch.Generator) -> Tensor:
        """Which pixels are hidden: bool B 1 H W."""
        size, device = (len(images), 1, 1, 1), images.device
        row, column = (
            torch.randint(self.width, size, generator=random, device=device) for _ in range(2)
        )
        rows = torch.arange(images.shape[-2], device=device)[:, None]
        columns = torch.arange(images.shape[-1], device=device)
        return (rows % self.width == row) & (columns % self.width == column)


def mean_of_neighbours(images: Tensor) -> Tensor:
    """Of the up to eight pixels around each, those at its sides counted twice: B C H W.

    The weights are those of Batson and Royer's code; at the border those inside are averaged.
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
    """Huang et al. 2021, eq. 8: with g1 and g2 two sub-images of half the size,

    |f(g1(y)) - g2(y)|^2 + gamma |f(g1(y)) - g2(y) - (g1(f(y)) - g2(f(y)))|^2

    where no gradient goes through f(y). Of each 2 x 2 pixels g1 takes one and g2 one beside it, so
    that they show almost the same under independent noise; the second term makes up for "almost"
    (section 3.3). A last odd row or column is left out.

    gamma: weight of the second term; in the paper's code it rises from 0 to 2, here it is constant.
    """

    gamma: float
    needs_fully_convolutional = True

    def __post_init__(self) -> None:
        _require_at_least_zero("gamma", self.gamma)

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
        """Two neighbours in each 2 x 2 pixels, numbered 0 1 / 2 3: int64 B 1 H/2 W/2, twice."""
        size = len(images), 1, images.shape[-2] // 2, images.shape[-1] // 2
        first = torch.randint(4, size, generator=random, device=images.device)
        # The number's bits are row and column: one of them is turned.
        turned = torch.randint(1, 3, size, generator=random, device=images.device)
        return first, first ^ turned


def pick(images: Tensor, places: Tensor) -> Tensor:
    """The pixel of each 2 x 2 that `places` names: B C H W, B 1 H/2 W/2 -> B C H/2 W/2."""
    cells = F.pixel_unshuffle(images, 2).unflatten(1, (-1, 4))
    index = places.unsqueeze(2).expand(-1, images.shape[1], -1, -1, -1)
    return cells.gather(2, index).squeeze(2)


@dataclass(frozen=True)
class SURE(Unsupervised):
    """Stein's unbiased risk estimate (Stein 1981), for y = x + n with n ~ N(0, sigma^2 I):

    |f(y) - y|^2 - N sigma^2 + 2 sigma^2 div f(y)

    whose divergence is taken along one random direction b ~ N(0, I), by Ramani, Blu and Unser
    (2008, theorem 2): b . (f(y + epsilon b) - f(y)) / epsilon. It is the expectation of
    |f(y) - x|^2 and may well be below 0. Differences so small need float32: it has no mixed
    precision.

    sigma: the noise's standard deviation, in units of the [0, 1] range.
    epsilon: step of the difference, in the same units, above 0.
    """

    sigma: float
    epsilon: float
    needs_noise = "gaussian"

    def __post_init__(self) -> None:
        _require_at_least_zero("sigma", self.sigma)
        if not (self.epsilon > 0 and math.isfinite(self.epsilon)):
            raise ValueError(f"epsilon must be a finite number above 0, got {self.epsilon}")

    def loss(self, net: Net, batch: Batch, random: torch.Generator) -> Tensor:
        noisy, variance = batch.noisy, self.sigma**2
        direction = batch.draw_per_image(lambda images: standard_normal_like(images, random))
        with torch.autocast(noisy.device.type, enabled=False):
            restored = net(noisy)
            change = net(noisy + self.epsilon * direction) - restored
            divergence = (direction * change).sum() / self.epsilon / len(noisy)
        constant = noisy[0].numel() * variance
        return distance("mse", restored, noisy) - constant + 2 * variance * divergence


@dataclass(frozen=True)
class R2R(Unsupervised):
    """Recorrupted-to-recorrupted, Pang et al. 2021: with z ~ N(0, sigma^2 I),

    |f(y + alpha z) - (y - z / alpha)|^2

    The noise of input and target is then independent, as in Noise2Noise (theorem 1); the input's
    variance is 1 + alpha^2 times that of y. The paper restores with the mean of f(y + alpha z) over
    50 draws of z. Here f(y) is taken, so that models are compared at one pass each (on
    Fashion-MNIST at sigma 0.5 the mean over 50 would be worth 0.02 dB).

    sigma: the noise's standard deviation, in units of the [0, 1] range.
    alpha: how much noisier the input is than y, above 0; the paper has 0.5.
    """

    sigma: float
    alpha: float
    needs_noise = "gaussian"

    def __post_init__(self) -> None:
        _require_at_least_zero("sigma", self.sigma)
        if not (self.alpha > 0 and math.isfinite(self.alpha)):
            raise ValueError(f"alpha must be a finite number above 0, got {self.alpha}")

    def loss(self, net: Net, batch: Batch, random: torch.Generator) -> Tensor:
        draw = batch.draw_per_image(lambda images: standard_normal_like(images, random))
        noisier, target = self.views(batch.noisy, draw)
        return distance("mse", net(noisier), target)

    def views(self, noisy: Tensor, draw: Tensor) -> tuple[Tensor, Tensor]:
        """Input and target, of standard normal values: B C H W each."""
        noise = self.sigma * draw
        return noisy + self.alpha * noise, noisy - noise / self.alpha


def standard_normal_like(images: Tensor, random: torch.Generator) -> Tensor:
    return torch.randn(images.shape, generator=random, device=images.device)


def _require_at_least_zero(name: str, value: float) -> None:
    if not (value >= 0 and math.isfinite(value)):
        raise ValueError(f"{name} must be a finite number of at least 0, got {value}")
