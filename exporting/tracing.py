"""A model as a graph of torch's own operators."""

import copy
from typing import Any

import torch
import torch.fx.experimental._config as shapes_config
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from denoisers.base import ImageModel

# Images, height and width. No layer has these sizes, so none is taken for a constant.
EXAMPLE = (3, 61, 75)


def trace(model: ImageModel) -> ExportedProgram:
    """Trace a model's `forward` in evaluation mode, on the CPU, in float32.

    Returns:
        A program for batches of any size and, if the model takes images of any size, any height
        and width.
    """
    channels, height, width = model.image_shape
    if not model.takes_any_size:
        return trace_module(model, torch.zeros(EXAMPLE[0], channels, height, width), (0,))
    count, height, width = EXAMPLE
    return trace_module(model, torch.zeros(count, channels, height, width), (0, 2, 3))


def trace_module(module: nn.Module, example: Tensor, free: tuple[int, ...]) -> ExportedProgram:
    """Trace the `forward` of a module with one input, as `trace` does.

    Args:
        module: The module.
        example: An input. Its sizes in the free dimensions must be those of `EXAMPLE`.
        free: The dimensions of the input that may have any size.
    """
    module = copy.deepcopy(module).cpu().float().eval()
    # torch would specialise the program to weights in channels-last order, and refuse batches or
    # sides of 1. Contiguous weights and `backed_size_oblivious` prevent both.
    module.to(memory_format=torch.contiguous_format)
    sizes: dict[int, Any] = dict.fromkeys(free, Dim.DYNAMIC(min=1))
    with torch.no_grad(), shapes_config.patch(backed_size_oblivious=True):  # type: ignore[attr-defined]
        program = torch.export.export(module, (example,), dynamic_shapes=(sizes,))
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # it has paths on this machine
    return program
