"""Every model in conf/model/: shapes, ranges, gradients, and what its constructor refuses."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from denoisers.classifier import Classifier
from denoisers.denoiser import Autoencoder
from tests.helpers.models import (
    COMPOSITES,
    NUM_CLASSES,
    SINGLE,
    Shape,
    any_model,
    images_and_logits,
    model_class,
    model_config,
    narrow_model,
    new_composite,
    new_generator,
    new_model,
    random_batch,
)

SHAPES: list[Shape] = [(1, 28, 28), (3, 32, 32), (1, 29, 31), (3, 64, 48)]
# Single pixels, lines, and images of which a single pixel is left after three halvings.
SMALL: list[Shape] = [(1, 1, 1), (1, 28, 1), (3, 1, 28), (1, 2, 2), (1, 5, 7), (1, 8, 8)]


CONVOLUTIONAL = [
    name
    for name in SINGLE
    if issubclass(model_class(name), Autoencoder) and "channels" in model_config(name)
]


def test_the_configs_name_the_models_that_are_tested_here() -> None:
    assert {"classifier", "conv_transposed", "conv_upsample", "dense", "vae"} <= set(SINGLE)
    assert len(CONVOLUTIONAL) >= 2


@pytest.mark.parametrize("shape", SHAPES + SMALL, ids=str)
@pytest.mark.parametrize("name", SINGLE + COMPOSITES)
def test_outputs_have_the_right_shapes_and_range(name: str, shape: Shape) -> None:
    model = narrow_model(name, shape).eval()
    noisy = 3 * random_batch(3, shape).noisy  # also far outside [0, 1]
    with torch.no_grad():
        restored, logits = images_and_logits(model, noisy)
        code = model.encode(noisy)
    if restored is not None:
        assert restored.shape == noisy.shape
        assert restored.isfinite().all()
        assert 0 <= restored.min() <= restored.max() <= 1
    if logits is not None:
        assert logits.shape == (3, NUM_CLASSES)
        assert logits.isfinite().all()
    assert code.ndim == 2
    assert len(code) == 3
    assert code.isfinite().all()


@pytest.mark.parametrize("name", SINGLE + COMPOSITES)
def test_an_image_is_treated_alike_in_any_batch(name: str) -> None:
    model = any_model(name).eval()
    noisy = random_batch(5).noisy
    with torch.no_grad():
        together = images_and_logits(model, noisy)
        alone = images_and_logits(model, noisy[3:4])
        assert torch.allclose(model.encode(noisy)[3:4], model.encode(noisy[3:4]), atol=1e-5)
    for one, other in zip(together, alone, strict=True):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert torch.allclose(one[3:4], other, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES + SMALL, ids=str)
@pytest.mark.parametrize("name", SINGLE + COMPOSITES)
def test_every_parameter_receives_a_gradient(name: str, shape: Shape) -> None:
    torch.manual_seed(0)  # with other weights all units of a layer might be off
    model = narrow_model(name, shape).train()
    loss = model.loss_of(random_batch(4, shape), new_generator()).terms["loss"]
    assert loss.ndim == 0
    loss.backward()
    for parameter, value in model.named_parameters():
        assert value.grad is not None, parameter
        assert value.grad.isfinite().all(), parameter
        assert value.grad.any(), parameter


@pytest.mark.parametrize("shape", SHAPES + SMALL, ids=str)
@pytest.mark.parametrize("name", SINGLE + COMPOSITES)
def test_a_batch_of_one_trains(name: str, shape: Shape) -> None:
    model = narrow_model(name, shape).train()
    loss = model.loss_of(random_batch(1, shape), new_generator()).terms["loss"]
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("name", SINGLE + COMPOSITES)
def test_the_output_that_evaluation_reuses_is_that_of_forward(name: str) -> None:
    model, batch = any_model(name).eval(), random_batch(4)
    with torch.no_grad():
        output = model.loss_of(batch, new_generator()).output
        images = batch.clean if isinstance(model, Classifier) else batch.noisy
        expected = model(images)
    pairs = (
        zip(output, expected, strict=True) if isinstance(output, tuple) else [(output, expected)]
    )
    for one, other in pairs:
        assert torch.allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("name", SINGLE)
def test_a_few_steps_lower_the_loss(name: str) -> None:
    torch.manual_seed(0)
    model, batch = new_model(name).train(), random_batch(8)
    optimizer = model.configure_optimizers()["optimizer"]
    losses = []
    for _ in range(12):
        loss = model.loss_of(batch, new_generator()).terms["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-3:]) / 3 < losses[0]


@pytest.mark.parametrize("name", SINGLE + COMPOSITES)
def test_the_same_seed_gives_the_same_weights(name: str) -> None:
    def weights(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return torch.cat([p.detach().flatten() for p in any_model(name).parameters()])

    first = weights(0)
    assert torch.equal(weights(0), first)
    assert not torch.equal(weights(1), first)


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_convolutional_models_take_large_colour_images(name: str) -> None:
    model, noisy = new_model(name, (3, 256, 256)).eval(), random_batch(1, (3, 256, 256)).noisy
    with torch.no_grad():
        assert model(noisy).shape == (1, 3, 256, 256)


# Classifier and composite


@pytest.mark.parametrize("input_", ["clean", "noisy"])
def test_a_classifier_learns_from_the_images_it_is_set_to(input_: str) -> None:
    model, batch = new_model("classifier", input=input_).eval(), random_batch(4)

    def loss(*, noisy: Tensor = batch.noisy, clean: Tensor = batch.clean) -> float:
        changed = batch._replace(noisy=noisy, clean=clean)
        return model.loss_of(changed, new_generator()).terms["loss"].item()

    assert (loss(noisy=1 - batch.noisy) == loss()) == (input_ == "clean")
    assert (loss(clean=1 - batch.clean) == loss()) == (input_ == "noisy")


@pytest.mark.parametrize("name", COMPOSITES)
def test_a_composite_adds_the_weighted_cross_entropy_to_the_denoisers_loss(name: str) -> None:
    denoiser, classifier = (new_model(part).eval() for part in name.split("+"))
    composite = new_composite(denoiser, classifier, class_weight=3.0).eval()
    composite.denoiser.load_state_dict(denoiser.state_dict())
    composite.classifier.load_state_dict(classifier.state_dict())
    batch = random_batch(4)
    with torch.no_grad():
        own = denoiser.loss_of(batch, new_generator()).terms["loss"]
        restored = denoiser(batch.noisy)
        cross_entropy = torch.nn.functional.cross_entropy(classifier(restored), batch.label)
        loss = composite.loss_of(batch, new_generator()).terms["loss"]
        assert torch.allclose(composite(batch.noisy)[0], restored)
        assert torch.allclose(composite(batch.noisy)[1], classifier(restored))
    assert loss.item() == pytest.approx((own + 3 * cross_entropy).item(), rel=1e-5)


def test_a_composite_that_is_not_finetuned_has_nothing_to_train() -> None:
    frozen = new_composite(new_model("dense"), new_model("classifier"), finetune=False)
    assert not any(parameter.requires_grad for parameter in frozen.parameters())


# What constructors refuse

OUT_OF_RANGE: dict[str, list[Any]] = {
    "seed": [-1, 2**32],
    "latent_dim": [0, -3, 100_001],
    "hidden": [[], [0], 0],
    "channels": [[], [0], [32, -1]],
    "depth": [1, 1_001],
    "width": [0],
    "beta": [-1.0, math.nan],
    "beta_warmup": [-1],
    "dropout": [1.0, -0.1, math.nan],
}
OPTIMIZER_OUT_OF_RANGE = {
    "lr": [0.0, -1.0, math.nan, math.inf],
    "lr_decay": [0.0, 1.5, math.nan],
    "warmup": [-1.0, math.inf],
    "weight_decay": [-1.0, math.nan],
}


@pytest.mark.parametrize(
    ("name", "argument", "value"),
    [
        (name, argument, value)
        for name in SINGLE
        for argument, default in model_config(name).items()
        for value in OUT_OF_RANGE.get(argument, [])
        if isinstance(value, type(default))
    ],
)
def test_an_argument_out_of_range_is_refused_by_name(name: str, argument: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"\b{argument} must be .*got"):
        new_model(name, **{argument: value})


@pytest.mark.parametrize(
    ("setting", "value"),
    [(setting, value) for setting, values in OPTIMIZER_OUT_OF_RANGE.items() for value in values],
)
@pytest.mark.parametrize("name", SINGLE)
def test_an_optimizers_setting_out_of_range_is_refused_by_name(
    name: str, setting: str, value: float
) -> None:
    with pytest.raises(ValueError, match=rf"^model.optimizer.{setting} must be .*, got {value}$"):
        new_model(name, optimizer={setting: value})


def test_a_composites_optimizer_is_checked_too() -> None:
    parts = new_model("dense"), new_model("classifier")
    with pytest.raises(ValueError, match=r"^optimizer must be a dict of lr, schedule, lr_decay, w"):
        new_composite(*parts, optimizer={"lr": 0.1})


@pytest.mark.parametrize("argument", ["class_weight", "seed"])
def test_a_composites_argument_out_of_range_is_refused_by_name(argument: str) -> None:
    with pytest.raises(ValueError, match=rf"\b{argument} must be .*got -1"):
        new_composite(new_model("dense"), new_model("classifier"), **{argument: -1})
