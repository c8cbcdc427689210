"""Muon against torch's own, AdamW's part against AdamW, and which weights go where."""

import pytest
import torch
from torch import Tensor, nn

from denoisers.muon import Muon, orthogonal
from denoisers.optimizer import OptimizerSettings, optimizer_and_schedule
from denoisers.residual_unet import ResidualUNet
from denoisers.schedule import WITHOUT_A_RUN
from groundwork.seeding import generator

STEPS = 20
SETTINGS: OptimizerSettings = {
    "lr": 1e-3,
    "schedule": "exponential",
    "lr_decay": 0.5,
    "warmup": 0.0,
    "weight_decay": 0.1,
    "muon_lr": 0.02,
}


def train(parameters: list[nn.Parameter], optimizer: torch.optim.Optimizer) -> None:
    """Fit sums of squares, whose gradients differ from step to step."""
    random = generator("cpu", "steps")
    for _ in range(STEPS):
        optimizer.zero_grad()
        for parameter in parameters:
            target = torch.randn(parameter.shape, generator=random)
            ((parameter - target).square().sum() / 2).backward()
        optimizer.step()


def parameters(*shapes: tuple[int, ...]) -> list[nn.Parameter]:
    random = generator("cpu", "start")
    return [nn.Parameter(torch.randn(shape, generator=random)) for shape in shapes]


@pytest.mark.parametrize("shape", [(6, 20), (20, 6), (8, 8)])
def test_matrices_go_as_by_torchs_muon(shape: tuple[int, int]) -> None:
    ours, theirs = parameters(shape), parameters(shape)
    train(ours, Muon(ours, [], muon_lr=0.02, lr=1.0, weight_decay=0.1))
    train(theirs, torch.optim.Muon(theirs, lr=0.02, weight_decay=0.1, momentum=0.95))
    way = (theirs[0] - parameters(shape)[0]).norm()
    assert way > 0.5
    assert (ours[0] - theirs[0]).norm() < 0.02 * way  # torch computes in bfloat16


def test_the_momentum_of_a_unit_that_is_off_becomes_0() -> None:
    """It would become a denormal number, with which a CPU computes a hundred times as slowly."""
    (matrix,) = parameters((4, 8))
    optimizer = Muon([matrix], [], muon_lr=0.0, lr=1.0, weight_decay=0.0)
    matrix.grad = torch.ones_like(matrix)
    optimizer.step()
    matrix.grad[1] = 0
    for _ in range(1_400):
        optimizer.step()
    momentum = optimizer.state[matrix]["momentum_buffer"]
    assert not momentum[1].any()
    assert momentum[0].min() > 0.9


def test_a_convolution_goes_as_its_matrix() -> None:
    convolution, matrix = parameters((6, 5, 3, 3)), parameters((6, 45))
    with torch.no_grad():
        convolution[0].copy_(matrix[0].view(6, 5, 3, 3))
    for one in (convolution, matrix):
        train(one, Muon(one, [], muon_lr=0.02, lr=1.0, weight_decay=0.0))
    assert torch.equal(convolution[0].flatten(1), matrix[0])


def test_the_others_go_as_by_adamw() -> None:
    shapes = (3, 4), (7,), (2, 3, 3, 3)
    ours, theirs = parameters(*shapes), parameters(*shapes)
    train(ours, Muon([], ours, muon_lr=1.0, lr=1e-2, weight_decay=0.1))
    train(theirs, torch.optim.AdamW(theirs, lr=1e-2, weight_decay=0.1))
    for our, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(our, their, rtol=1e-5, atol=1e-6)


def test_steps_are_orthogonal() -> None:
    matrices = torch.randn(3, 12, 30, generator=generator("cpu", "matrices"))
    for given in (matrices, matrices.mT):
        made = orthogonal(given)
        left, _, right = torch.linalg.svd(given, full_matrices=False)
        values = torch.linalg.svdvals(made)
        assert values.min() > 0.6
        assert values.max() < 1.3
        # The same singular vectors: what is left is diagonal.
        diagonal = left.mT @ made @ right.mT
        off = diagonal - torch.diag_embed(torch.diagonal(diagonal, dim1=1, dim2=2))
        assert off.abs().max() < 1e-4


def residual_unet(settings: OptimizerSettings) -> ResidualUNet:
    return ResidualUNet((1, 32, 32), [4, 8], [1, 1], 0.2, "mse", settings, 0)


def rates(optimizer: torch.optim.Optimizer, weight: Tensor) -> float:
    (rate,) = (g["lr"] for g in optimizer.param_groups if any(p is weight for p in g["params"]))
    return float(rate)


def test_muon_trains_what_lies_between_the_first_and_the_last_layer() -> None:
    model = residual_unet(SETTINGS)
    made = optimizer_and_schedule(SETTINGS, model.parameters(), True, WITHOUT_A_RUN)
    optimizer, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]
    found = {name: rates(optimizer, weight) for name, weight in model.named_parameters()}
    adam = {name for name, rate in found.items() if rate == SETTINGS["lr"]}
    assert adam == {"first.weight", "last.weight"}
    assert set(found.values()) == {SETTINGS["lr"], SETTINGS["muon_lr"]}
    optimizer.step()
    schedule.step()
    assert [group["lr"] for group in optimizer.param_groups] == [0.0005, 0.01]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"muon_lr": 0.0}, r"optimizer\.muon_lr must be finite and above 0 or null, got 0\.0"),
        ({"muon": 1.0}, r"optimizer must be a dict of lr, .*muon_lr, got"),
    ],
)
def test_wrong_settings_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        residual_unet({**SETTINGS, **changes})  # type: ignore[typeddict-item]
