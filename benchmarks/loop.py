"""The practical limit: a hand-written training loop for one of this project's networks.

It leaves out all that this project's training does for its user: logging, metrics, checkpoints and
reproducible noise. It has all that makes a step fast: images are gathered from one uint8 tensor,
noise is drawn for the batch, the optimizer is fused, and the loss is read once an epoch.

    python -m benchmarks.loop STEPS eager|compiled OVERRIDES...     with train.py's overrides
"""

import sys
import time

import torch

from benchmarks.training import PARTS
from benchmarks.turns import Turn
from groundwork.batch import Batch
from groundwork.machine import tune_process


def main(steps: int, compiled: bool, overrides: list[str]) -> None:
    tune_process()
    from benchmarks.from_config import data_and_model
    from datamodules.labelled_images import LabelledImages

    data, model = data_and_model(overrides)
    assert isinstance(data, LabelledImages)
    images, labels = data.load(test=False)
    std = data.noise.level
    if compiled:
        model.loss_of = torch.compile(model.loss_of, dynamic=False)  # type: ignore[method-assign]
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=model.optimizer_settings["lr"], fused=True)
    random = torch.Generator().manual_seed(0)
    turn = Turn()
    while True:
        turn.begin()
        seconds = dict.fromkeys(PARTS, 0.0)
        total = torch.zeros(())
        order = torch.randperm(len(images), generator=random)
        for index in order.split(data.batch_size)[:steps]:
            start = time.perf_counter()
            clean, label = images[index].float().div_(255), labels[index]
            gathered = time.perf_counter()
            noisy = torch.empty_like(clean).normal_(std=std, generator=random)
            noisy = noisy.add_(clean).clamp_(0, 1)
            made_noisy = time.perf_counter()
            loss = model.loss_of(Batch(noisy, clean, label), random).terms["loss"]
            went_forward = time.perf_counter()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            went_backward = time.perf_counter()
            optimizer.step()
            total += loss.detach()
            end = time.perf_counter()
            seconds["gather"] += gathered - start
            seconds["noise"] += made_noisy - gathered
            seconds["forward"] += went_forward - made_noisy
            seconds["backward"] += went_backward - went_forward
            seconds["optimizer"] += end - went_backward
        turn.end(steps=steps, loss=total.item() / steps, **seconds)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] == "compiled", sys.argv[3:])
