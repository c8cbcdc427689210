"""Mixed precision, in which layers are computed in half precision, losses and measures not."""

import functools
import math
import tempfile
from pathlib import Path

import pytest
import torch

from denoisers.checkpoint import load_model
from denoisers.losses import PixelLossName, pixel_loss
from tests.helpers.callbacks import gradient_norms
from tests.helpers.losses import NAMES, example, formula
from tests.helpers.models import (
    COMPOSITES,
    SINGLE,
    any_model,
    images_and_logits,
    new_generator,
    random_batch,
)
from tests.helpers.runs import TINY, Run, compose, evaluation_images, read, train_in

HALVES = [torch.bfloat16, torch.float16]
TOLERANCE = 0.1  # dB of validation PSNR

# Enough steps for a denoiser that is no longer near its beginning.
BUDGET = ("model=dense", "data.train_size=2048", "data.val_size=300", "trainer.max_epochs=3")
GPU_BUDGET = (
    "model=conv_transposed",
    "data.train_size=20000",
    "data.val_size=2000",
    "trainer.max_epochs=3",
    "trainer.accelerator=gpu",
)
# Lightning has float16 for GPUs alone, but torch can do it on a CPU.
FLOAT16 = (
    "trainer.plugins=[{_target_:pytorch_lightning.plugins.MixedPrecision,"
    "precision:16-mixed,device:cpu}]"
)


@functools.cache
def trained(precision: str, *budget: str) -> Run:
    directory = Path(tempfile.mkdtemp(prefix="precision_")) / precision
    return train_in(directory, *budget, f"trainer.precision={precision}")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("precision", ["16-mixed", "bf16-mixed"])
def test_mixed_precision_on_a_gpu_restores_as_well_as_float32(precision: str) -> None:
    exact = trained("32-true", *GPU_BUDGET)
    assert exact.returned > 17  # dB, where the noisy images have 9
    assert trained(precision, *GPU_BUDGET).returned == pytest.approx(exact.returned, abs=TOLERANCE)


def test_bfloat16_on_a_cpu_restores_as_well_as_float32() -> None:
    exact, mixed = trained("32-true", *BUDGET), trained("bf16-mixed", *BUDGET)
    assert exact.returned > 16.5  # dB, where the noisy images have 9
    assert mixed.returned == pytest.approx(exact.returned, abs=TOLERANCE)
    assert mixed.returned != exact.returned
    assert all(math.isfinite(value) for row in mixed.history for value in row.values())


def test_a_run_in_mixed_precision_keeps_float32_weights_and_measures() -> None:
    run = trained("bf16-mixed", *BUDGET)
    checkpoint = read(run.best)
    moments = checkpoint["optimizer_states"][0]["state"].values()
    kept = [*checkpoint["state_dict"].values(), *(m for one in moments for m in one.values())]
    assert {value.dtype for value in kept if value.is_floating_point()} == {torch.float32}
    model, _ = load_model(run.best)
    images = evaluation_images(compose("train", *TINY, *BUDGET), "val")
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        restored = model(images.noisy)
    errors = (restored.double() - images.clean.double()).square().flatten(1).mean(1)
    expected = (-10 * errors.log10()).mean().item()
    assert run.returned == pytest.approx(expected, abs=2e-4)


def test_float16_gradients_are_clipped_after_they_are_unscaled(tmp_path: Path) -> None:
    file = tmp_path / "norms.txt"
    run = train_in(
        tmp_path / "run",
        *("model=dense", "trainer.max_epochs=1", "trainer.gradient_clip_val=0.01"),
        FLOAT16,
        f"trainer.callbacks=[{{_target_:tests.helpers.callbacks.GradientNorms,file:{file}}}]",
    )
    assert gradient_norms(file) == pytest.approx([0.01, 0.01], rel=1e-3)
    assert read(run.last)["MixedPrecision"]["scale"] > 1


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("name", SINGLE + COMPOSITES)
def test_losses_and_restored_images_are_float32(name: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    model, batch = any_model(name).eval(), random_batch(4)
    exact = model.loss_of(batch, new_generator()).terms
    with torch.autocast("cpu", dtype):
        loss = model.loss_of(batch, new_generator())
        images, logits = images_and_logits(model, batch.noisy)
    for term, value in loss.terms.items():
        assert value.dtype == torch.float32
        assert value.item() == pytest.approx(exact[term].item(), rel=0.02, abs=0.02), term
    outputs = loss.output if isinstance(loss.output, tuple) else (loss.output,)
    if images is not None:
        assert images.dtype == outputs[0].dtype == torch.float32
    if logits is not None:
        assert logits.dtype == dtype  # the layers are what is done in half precision


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_a_pixel_loss_of_half_precision_has_all_its_digits(
    name: PixelLossName, dtype: torch.dtype
) -> None:
    logits, clean = example()
    loss, restored = pixel_loss(name, logits.to(dtype), clean)
    assert restored.dtype == torch.float32
    assert loss.item() == pytest.approx(formula(name, logits.to(dtype).float(), clean), rel=1e-6)


def test_the_codes_of_a_vae_are_float32() -> None:
    """The variances over all images would be lost in half precision."""
    model, batch = any_model("vae").eval(), random_batch(4)
    with torch.autocast("cpu", torch.bfloat16):
        assert {part.dtype for part in model.posterior(batch.noisy)} == {torch.float32}  # type: ignore[operator]
        assert model.encode(batch.noisy).dtype == torch.float32
