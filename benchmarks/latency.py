"""Milliseconds to restore one image and images/s in batches, in torch and in ONNX Runtime.

python -m benchmarks.latency ROUNDS OVERRIDES...     with train.py's overrides
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from groundwork.machine import tune_process

BATCHES = (1, 256)
SECONDS = 0.5  # for a turn


def main(count: int, overrides: list[str]) -> None:
    tune_process()
    import torch

    from benchmarks.from_config import data_and_model

    _, model = data_and_model(overrides)
    model.eval()
    cores = torch.get_num_threads()
    milliseconds: dict[str, dict[str, list[float]]] = {}
    session = _onnx_session(model)
    for batch in BATCHES:
        noisy = torch.rand(batch, *model.image_shape)
        eager = partial(model, noisy)
        ways = {"eager, one thread": (1, eager), f"eager, {cores} threads": (cores, eager)}
        if session is not None:
            feed = {session.get_inputs()[0].name: noisy.numpy()}
            ways["ONNX Runtime"] = cores, partial(session.run, None, feed)
        times: dict[str, list[float]] = {name: [] for name in ways}
        with torch.inference_mode():
            for number in range(count + 1):
                for name, (threads, restore) in ways.items():
                    torch.set_num_threads(threads)
                    value = _milliseconds(restore)
                    if number > 0:
                        times[name].append(value)
        milliseconds[str(batch)] = times
    print(json.dumps(milliseconds))


def _milliseconds(restore: Callable[[], Any]) -> float:
    calls, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < SECONDS:
        restore()
        calls += 1
    return 1000 * passed / calls


def _onnx_session(model: Any) -> Any:
    """Start a session. Return None if onnx, onnxscript or onnxruntime is not installed."""
    from exporting import onnx

    return None if onnx.missing() else onnx.start(onnx.content(model, {}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
