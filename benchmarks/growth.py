"""Training throughput by batch size and image size, and the arithmetic of a step.

python -m benchmarks.growth ROUNDS
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from groundwork.machine import tune_process

MODELS = ("dense", "vae", "conv_upsample", "conv_transposed", "classifier")
CONVOLUTIONAL = ("conv_upsample", "conv_transposed")
BATCH_SIZES = (32, 128, 512, 1024, 4096)
IMAGE_SIZES = (28, 64, 128, 256)
PIXELS = 128 * 28 * 28  # in a batch, for every image size
SECONDS = 1.0  # for a turn
MATRIX = 2048


def main(count: int) -> None:
    tune_process()
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    turns: dict[str, tuple[int, Callable[[], Any]]] = {}  # by name: images in a step, the step
    flops = {}
    for name in MODELS:
        for batch in BATCH_SIZES if name in CONVOLUTIONAL else (128,):
            turns[f"{name} batch {batch}"] = batch, _step(name, batch, 28)
        with FlopCounterMode(display=False) as counter:
            turns[f"{name} batch 128"][1]()
        flops[name] = counter.get_total_flops()
    for name in CONVOLUTIONAL:
        for size in IMAGE_SIZES:
            batch = max(1, PIXELS // size**2)
            turns[f"{name} size {size}"] = batch, _step(name, batch, size)
    left, right = torch.rand(2, MATRIX, MATRIX)
    turns["matrix product"] = 1, lambda: torch.mm(left, right)

    rates: dict[str, list[float]] = {name: [] for name in turns}
    for number in range(count + 1):
        for name, (images, step) in turns.items():
            steps, start = 0, time.perf_counter()
            while (passed := time.perf_counter() - start) < SECONDS:
                step()
                steps += 1
            if number > 0:
                rates[name].append(images * steps / passed)
    products = rates.pop("matrix product")
    answer = {
        "images_per_s": rates,
        "gflop_per_step": {name: value / 1e9 for name, value in flops.items()},
        "matrix_gflop_per_s": [2 * MATRIX**3 * rate / 1e9 for rate in products],
    }
    print(json.dumps(answer))


def _step(name: str, batch_size: int, size: int) -> Callable[[], Any]:
    """Return a function that takes a training step on random images."""
    import torch

    from benchmarks.from_config import composed
    from cli.config import build
    from groundwork.batch import Batch

    node = composed([f"model={name}"]).model
    model = build(node, "model", image_shape=(1, size, size), num_classes=10)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    clean, noisy = torch.rand(2, batch_size, 1, size, size)
    batch = Batch(noisy, clean, torch.randint(10, (batch_size,)))
    random = torch.Generator().manual_seed(0)

    def step() -> None:
        loss = model.loss_of(batch, random).terms["loss"]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


if __name__ == "__main__":
    main(int(sys.argv[1]))
