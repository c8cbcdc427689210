"""A model as a graph of torch's own operators, for any batch and, where it can, any size."""

import copy

import torch
import torch.fx.experimental._config as shapes_config
from torch.export import Dim, ExportedProgram

from denoisers.base import ImageModel

EXAMPLE = (3, 61, 75)  # images, height and width: no size that anything could take for a constant


def trace(model: ImageModel) -> ExportedProgram:
    """The model's `forward` in evaluation mode, on the CPU, in float32.

    The batch's size is free, and so are height and width where the model takes any.
    """
    model = copy.deepcopy(model).cpu().float().eval()
    # Strided weights, and single images or pixels, are what torch would make exceptions for, that
    # is refuse later: hence neither channels last nor reasoning about sizes of 1.
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
        node.meta.pop("stack_trace", None)  # paths on this machine, which are nobody's business
    return program
