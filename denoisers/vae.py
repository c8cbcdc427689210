"""A variational autoencoder that denoises: it encodes the noisy image and decodes the clean one.

B images, D = C * H * W pixels, L latents:
B D -> B hidden -> mean and log-variance, B L each -> sample B L -> B hidden -> B D
"""

import math
from typing import Annotated, Literal

import torch
from pydantic import Field
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor, nn
from torchmetrics import Metric, MetricCollection

from denoisers.base import LossOutput, Stage, Width, Widths
from denoisers.denoiser import Denoiser
from denoisers.dense import mlp
from denoisers.losses import pixel_loss
from denoisers.optimizer import OptimizerSettings
from groundwork.batch import Batch, Shard
from groundwork.ranges import require_ranges

MIN_LOG_VARIANCE, MAX_LOG_VARIANCE = -12.0, 12.0  # of latents and pixels: exp() stays finite
OPTIMUM_MOMENTUM = 0.1  # share of the newest batch in the variance kept for evaluation


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, variance) || N(0, 1)) in nats, summed over latents: B L, B L -> B."""
    return kl_by_latent(mean, log_variance).sum(1)


def kl_by_latent(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the divergence of each latent in nats: B L, B L -> B L.

    Kingma and Welling (2014), appendix B. It is float32, also under mixed precision.
    """
    mean, log_variance = mean.float(), log_variance.float()
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp())


def standard_normal(shape: torch.Size, random: torch.Generator) -> Tensor:
    """Return float32 draws from N(0, 1), made on the generator's device.

    On the CPU they do not depend on how they are split into batches, which evaluation needs.
    `torch.randn` draws in blocks of 16 there, so that a batch's size changes its numbers. Here
    each number is one uniform draw, put through the normal quantile function.
    """
    if random.device.type != "cpu":
        return torch.randn(shape, generator=random, device=random.device)
    uniform = torch.rand(shape, generator=random, dtype=torch.float64)
    return torch.special.ndtri(uniform.clamp_(min=1e-12)).float()


class ActiveUnits(Metric):
    """Counts the active latents: their posterior mean has a variance over the images above 0.01.

    Burda, Grosse and Salakhutdinov (2016), section 5.2.
    """

    full_state_update = False
    threshold = 0.01
    count: Tensor
    total: Tensor
    squares: Tensor

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.add_state("count", torch.zeros(()), dist_reduce_fx="sum")
        self.add_state("total", torch.zeros(latent_dim), dist_reduce_fx="sum")
        self.add_state("squares", torch.zeros(latent_dim), dist_reduce_fx="sum")

    def update(self, mean: Tensor) -> None:
        self.count += len(mean)
        self.total += mean.sum(0)
        self.squares += mean.square().sum(0)

    def compute(self) -> Tensor:
        variance = self.squares / self.count - (self.total / self.count).square()
        return (variance > self.threshold).sum().float()


class VAE(Denoiser):
    """Kingma and Welling (2014), with a weight beta on the KL term (Higgins et al. 2017).

    The loss is -log p(clean | latent) + beta * KL in nats, summed over pixels and latents and
    averaged over the batch. Images are restored with the posterior mean.

    Args:
        hidden: Widths of the encoder's layers. The decoder mirrors them.
        latent_dim: Number of latents.
        beta: Weight of the KL term. At 1 the negative loss is the evidence lower bound.
        beta_warmup: Epochs in which the weight rises linearly to beta. Validation and test always
            use the whole beta.
        likelihood: Of a pixel, given the latent.
            "optimal": Gaussian. Its variance maximises the batch's likelihood, so it is the mean
            squared error (Rybkin, Daniilidis and Levine 2021, eq. 4). Evaluation uses a running
            mean of it.
            "learned": Gaussian. Its variance is a parameter (ibid., section 3.1).
            "fixed": Gaussian of variance 1/2, which gives the squared error plus a constant.
            "bernoulli": The binary cross-entropy.
        image_shape, optimizer, seed: See `Denoiser`.

    Attributes:
        log_variance: Of a pixel, a scalar.
    """

    log_variance: Tensor

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        hidden: Widths,
        latent_dim: Width,
        beta: Annotated[float, Field(ge=0)],
        beta_warmup: Annotated[int, Field(ge=0, le=1_000_000)],
        likelihood: Literal["optimal", "learned", "fixed", "bernoulli"],
        optimizer: OptimizerSettings,
        seed: int,
    ) -> None:
        super().__init__(image_shape, optimizer, seed)
        self.save_hyperparameters()
        require_ranges(VAE.__init__, locals())
        self.latent_dim = latent_dim
        self.beta = beta
        self.beta_warmup = beta_warmup
        self.likelihood = likelihood
        sizes = [math.prod(image_shape), *hidden]
        self.encoder = mlp([*sizes, 2 * latent_dim])
        self.decoder = mlp([latent_dim, *sizes[::-1]])
        if likelihood == "learned":
            self.log_variance = nn.Parameter(torch.zeros(()))
        elif likelihood == "optimal":
            self.register_buffer("log_variance", torch.zeros(()))
        self.units = nn.ModuleDict(
            {
                stage: MetricCollection({"active_units": ActiveUnits(latent_dim)})
                for stage in ("val", "test")
            }
        )

    def posterior(self, noisy: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of the latents, B L each."""
        # float32 also under mixed precision, since variances over images are computed from them.
        mean, log_variance = self.encoder(noisy.flatten(1)).float().chunk(2, dim=1)
        return mean, log_variance.clamp(MIN_LOG_VARIANCE, MAX_LOG_VARIANCE)

    def encode(self, noisy: Tensor) -> Tensor:
        return self.posterior(noisy)[0]

    def forward(self, noisy: Tensor) -> Tensor:
        return self.decode(self.encode(noisy))

    def decode(self, latent: Tensor) -> Tensor:
        """Return the images of latents: B L -> B C H W in [0, 1]."""
        return self._decoder_logits(latent).float().sigmoid()

    def _decoder_logits(self, latent: Tensor) -> Tensor:
        return self.decoder(latent).unflatten(1, self.image_shape)

    def sample(self, count: int, random: torch.Generator) -> Tensor:
        """Return new images from the prior, B C H W in [0, 1]."""
        latent = standard_normal(torch.Size((count, self.latent_dim)), random)
        return self.decode(latent.to(self.device))

    def interpolate(self, first: Tensor, last: Tensor, steps: int) -> Tensor:
        """Decode points on the straight line between two images' codes.

        Args:
            first, last: C H W.
            steps: S.

        Returns:
            S C H W. The restored `first` and `last` are at the ends.
        """
        codes = self.encode(torch.stack((first, last)))
        weight = torch.linspace(0, 1, steps, device=codes.device)[:, None]
        return self.decode(codes[:1].lerp(codes[1:], weight))

    def loss_of(self, batch: Batch, random: torch.Generator) -> LossOutput:
        mean, log_variance = self.posterior(batch.noisy)
        epsilon = batch.draw_per_image(
            lambda images: standard_normal(torch.Size((len(images), self.latent_dim)), random)
        ).to(mean.device)
        logits = self._decoder_logits(mean + (0.5 * log_variance).exp() * epsilon)
        reconstruction = self.reconstruction(logits, batch.clean, batch.shard)
        kl = kl_divergence(mean, log_variance).mean()
        terms = {
            "loss": reconstruction + self._beta() * kl,
            "reconstruction": reconstruction,
            "kl": kl,
        }
        return LossOutput(terms, None if self.training else self.decode(mean))

    def reconstruction(self, logits: Tensor, clean: Tensor, shard: Shard | None = None) -> Tensor:
        """Return -log p(clean | latent) in nats, summed over pixels, averaged over the batch.

        Args:
            logits, clean: B C H W.
            shard: Which images of the batch these are, if processes share it. They all use the
                optimal variance of the whole batch.
        """
        if self.likelihood == "bernoulli":
            return pixel_loss("bce", logits, clean)[0]
        squares, _ = pixel_loss("mse", logits, clean)
        if self.likelihood == "fixed":
            return squares
        pixels = math.prod(self.image_shape)
        log_variance = self.log_variance
        if self.likelihood == "optimal" and self.training:
            of_batch = squares
            if shard is not None:
                # Detached, since the likelihood's derivative by its optimal variance is zero.
                of_batch = self._of_all(squares.detach() * shard.weight, "mean")
            log_variance = (of_batch / pixels).clamp(min=math.exp(MIN_LOG_VARIANCE)).log()
            with torch.no_grad():
                self.log_variance.lerp_(log_variance, OPTIMUM_MOMENTUM)
        log_variance = log_variance.clamp(MIN_LOG_VARIANCE, MAX_LOG_VARIANCE)
        constant = math.log(2 * math.pi)
        return 0.5 * (pixels * (constant + log_variance) + squares / log_variance.exp())

    def _beta(self) -> float:
        if not self.training or self.current_epoch >= self.beta_warmup:
            return self.beta
        return self.beta * (self.current_epoch + 1) / (self.beta_warmup + 1)

    def update_metrics(self, stage: Stage, output: Tensor, batch: Batch) -> None:
        super().update_metrics(stage, output, batch)
        self.units[stage].update(self.encode(batch.noisy))  # type: ignore[operator]

    def stage_metrics(self, stage: Stage) -> list[MetricCollection]:
        metrics = super().stage_metrics(stage)
        return metrics if stage == "train" else [*metrics, self.units[stage]]  # type: ignore[list-item]

    def on_validation_epoch_end(self) -> None:
        super().on_validation_epoch_end()
        several = self._counts["val"] > 1  # nothing varies over a single image
        if several and self.trainer.callback_metrics["val/active_units"] == 0:
            rank_zero_warn(
                f"epoch {self.current_epoch}: the posterior has collapsed, no latent unit is "
                "active and every image is restored alike; try a lower model.beta or a warm-up"
            )
