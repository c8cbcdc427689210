"""A model as a graph of torch's own operators."""

import copy

import torch
import torch.fx.experimental._config as shapes_config
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
    model = copy.deepcopy(model).cpu().float().eval()
    # torch would specialise the program to weights in channels-last order, and refuse batches or
    # sides of 1. Contiguous weights and `backed_size_oblivious` prevent both.
    model.to(memory_format=torch.contiguous_format)
    channels, height, width = model.image_shape
    count, free = EXAMPLE[0], {0: Dim.DYNAMIC(min=1)}
    if model.takes_any_size:
        count, height, width = EXAMPLE
        free |= {2: Dim.DYNAMIC(min=1), 3: Dim.DYNAMIC(min=1)}
    with torch.no_grad(), shapes_config.patch(backed_size_oblivious=True):  # type: ignore[attr-defined]
        program = torch.export.export(
            model, (torch.zeros(count, channels, height, width),), dynamic_shapes=(free,)
        )
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # it has paths on this machine
    return program
