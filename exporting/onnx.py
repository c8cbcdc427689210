"""ONNX, for ONNX Runtime on any device. The metadata is in the model's `metadata_props`."""

import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram

from denoisers.base import ImageModel
from exporting.about import RESTORED, input_name, output_names
from exporting.checks import Run
from exporting.tracing import trace

SUFFIX = ".onnx"
PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def missing() -> list[str]:
    """Return the names of the packages that are not installed."""
    return [name for name in PACKAGES if find_spec(name) is None]


def require(format: str = "onnx") -> None:
    if absent := missing():
        raise ValueError(f"format={format} needs {', '.join(absent)}: pip install '.[onnx]'")


def content(model: ImageModel, about: dict[str, str]) -> bytes:
    axes = {0: "batch"} | ({2: "height", 3: "width"} if model.takes_any_size else {})
    proto = convert(trace(model), input_name(model), output_names(model), axes, about)
    for output in proto.graph.output:
        if output.name == RESTORED:  # the exporter writes its size as a formula
            output.type.CopyFrom(proto.graph.input[0].type)
    return proto.SerializeToString()


def convert(
    program: ExportedProgram,
    given: str,
    outputs: Sequence[str],
    axes: dict[int, str],
    about: dict[str, str],
) -> Any:
    """Convert a traced network to an `onnx.ModelProto`.

    Args:
        program: The network.
        given, outputs: The names of its input and of its outputs, in order.
        axes: The names of the input's dimensions that may have any size.
        about: The metadata.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are about the exporter's own code
        exported = torch.onnx.export(
            program,
            dynamo=True,
            verbose=False,
            input_names=[given],
            output_names=list(outputs),
            dynamic_shapes=(axes,),
        )
    assert exported is not None
    proto = exported.model_proto
    del proto.graph.value_info[:]  # sizes of what is computed in between, as formulas
    for part in (*proto.graph.node, *proto.graph.input, *proto.graph.output):
        del part.metadata_props[:]  # the lines of code that it comes from
    for key, value in about.items():
        proto.metadata_props.add(key=key, value=value)
    return proto


def start(content: bytes) -> Any:
    """Start an `InferenceSession` on the CPU."""
    import onnxruntime

    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def load(content: bytes) -> Run:
    session = start(content)
    (given,) = session.get_inputs()

    def run(images: Tensor) -> tuple[Tensor, ...]:
        return tuple(map(torch.from_numpy, session.run(None, {given.name: images.numpy()})))

    return run
