"""Muon: momentum whose steps are made orthogonal, for the matrices inside of a network."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

# The quintic polynomial of Jordan et al. (2024). It is steepest at 0, so that five steps bring all
# singular values from 0.005 to 1 close to 1: within 0.7 and 1.2.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
STEPS = 5
MOMENTUM = 0.95
BETAS = 0.9, 0.999
EPSILON = 1e-8
TINY = 1e-30


class Muon(torch.optim.Optimizer):
    """Muon (Jordan et al. 2024) for `matrices`, and AdamW for the other parameters.

    A step of Muon is Nesterov's momentum with its singular values set to about 1, so that it
    changes the layer's output alike for all inputs. Convolutions count as matrices: their output
    channels times all else. It is for the layers between the first and the last.

    Args:
        matrices: Parameters of at least two dimensions. There may be none.
        others: All other parameters.
        muon_lr: Learning rate of the matrices. A step has that spectral norm, times the root of
            rows over columns where there are more rows.
        lr: Learning rate of AdamW.
        weight_decay: Decoupled, for all.
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        others: Iterable[nn.Parameter],
        muon_lr: float,
        lr: float,
        weight_decay: float,
    ) -> None:
        groups: list[dict[str, Any]] = [
            {"params": list(others), "lr": lr, "orthogonal": False},
            {"params": list(matrices), "lr": muon_lr, "orthogonal": True},
        ]
        super().__init__([g for g in groups if g["params"]], {"weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            for parameter in parameters:
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
            if group["orthogonal"]:
                self._orthogonal_steps(parameters, group["lr"])
            else:
                self._adam_steps(parameters, group["lr"])
        return loss

    def _orthogonal_steps(self, parameters: list[nn.Parameter], lr: float) -> None:
        alike: dict[tuple[int, ...], list[tuple[nn.Parameter, Tensor]]] = defaultdict(list)
        for parameter in parameters:
            state, gradient = self.state[parameter], parameter.grad
            assert gradient is not None
            if not state:
                state["momentum_buffer"] = torch.zeros_like(parameter)
            momentum = state["momentum_buffer"].lerp_(gradient, 1 - MOMENTUM)
            # The momentum of a unit that is always off decays until a CPU computes with its numbers
            # a hundred times as slowly.
            momentum.masked_fill_(momentum.abs() < TINY, 0)
            matrix = gradient.lerp(momentum, MOMENTUM).flatten(1)
            wide = matrix if len(matrix) <= matrix.shape[1] else matrix.mT
            alike[wide.shape].append((parameter, wide))
        for pairs in alike.values():
            steps = orthogonal(torch.stack([wide for _, wide in pairs]))
            for (parameter, _), step in zip(pairs, steps, strict=True):
                rows, columns = len(parameter), parameter[0].numel()
                if rows > columns:
                    step = step.mT
                size = lr * max(1, rows / columns) ** 0.5
                parameter.sub_(step.reshape(parameter.shape), alpha=size)

    def _adam_steps(self, parameters: list[nn.Parameter], lr: float) -> None:
        for parameter in parameters:
            state, gradient = self.state[parameter], parameter.grad
            assert gradient is not None
            if not state:
                state["step"] = torch.zeros(())  # a tensor on the CPU, as AdamW has it
                state["exp_avg"] = torch.zeros_like(parameter)
                state["exp_avg_sq"] = torch.zeros_like(parameter)
            state["step"] += 1
            state["exp_avg"].lerp_(gradient, 1 - BETAS[0])
            state["exp_avg_sq"].lerp_(gradient.square(), 1 - BETAS[1])
            mean, square = (1 - beta ** state["step"].item() for beta in BETAS)
            root = (state["exp_avg_sq"] / square).sqrt_().add_(EPSILON)
            parameter.addcdiv_(state["exp_avg"], root, value=-lr / mean)


def orthogonal(matrices: Tensor) -> Tensor:
    """Bring the singular values of matrices close to 1, by Newton and Schulz: N R C -> N R C.

    A step multiplies a matrix X from the left by a polynomial of its Gram matrix X Xᵀ. All these
    polynomials commute, so they are multiplied with each other, in R R, and with X once at the end:
    a third of the work where there are many more columns than rows, as in convolutions.
    """
    if matrices.shape[1] > matrices.shape[2]:
        return orthogonal(matrices.mT).mT
    linear, cubic, quintic = COEFFICIENTS
    x = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + 1e-7)
    gram, product = x @ x.mT, None
    for step in range(STEPS):
        factor = torch.baddbmm(gram, gram, gram, beta=cubic, alpha=quintic)
        factor.diagonal(dim1=1, dim2=2).add_(linear)
        product = factor if product is None else factor @ product
        if step < STEPS - 1:
            gram = factor @ gram @ factor
    return product @ x
