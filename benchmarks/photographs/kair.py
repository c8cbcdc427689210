"""A published network that nobody here has trained, by which the scorer itself is checked."""

from pathlib import Path

import torch
from torch import Tensor, nn

from denoisers.checkpoint import first_line
from denoisers.dncnn import DnCNN


def read_dncnn(path: Path) -> DnCNN:
    """Read one of the DnCNNs in KAIR's model zoo (https://github.com/cszn/KAIR), such as dncnn_25.

    Their batch normalisation is merged into the convolutions, which have biases for it. Here a
    normalisation without effect adds these biases.

    Raises:
        ValueError: The file holds no such network.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return _built(state)
    except FileNotFoundError:
        raise ValueError(f"there is no file {path}") from None
    except Exception as error:  # damaged bytes can raise anything
        raise ValueError(f"{path} is no DnCNN of KAIR's: {first_line(error)}") from error


def _built(state: dict[str, Tensor]) -> DnCNN:
    # Convolutions and ReLUs take turns: model.0, model.2, ...
    names = [f"model.{2 * number}" for number in range(len(state) // 2)]
    if set(state) != {f"{name}.{kind}" for name in names for kind in ("weight", "bias")}:
        raise ValueError("its weights have other names")
    width, channels = state["model.0.weight"].shape[:2]
    network = DnCNN(
        image_shape=(channels, 64, 64),
        depth=len(names),
        width=width,
        loss="mse",
        optimizer={
            "lr": 1e-3,
            "schedule": "exponential",
            "lr_decay": 1.0,
            "warmup": 0.0,
            "weight_decay": 0.0,
            "muon_lr": None,
        },
        seed=0,
    )
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    normalisations = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    biased: list[nn.Conv2d | nn.BatchNorm2d]
    biased = [convolutions[0], *normalisations, convolutions[-1]]
    with torch.no_grad():
        for convolution, adder, name in zip(convolutions, biased, names, strict=True):
            convolution.weight.copy_(state[f"{name}.weight"])
            assert adder.bias is not None
            adder.bias.copy_(state[f"{name}.bias"])
        for layer in normalisations:
            assert layer.running_var is not None
            layer.running_var.fill_(1 - layer.eps)  # they add eps, and the mean is 0
    return network.eval()
