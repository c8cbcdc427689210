"""ONNX, for ONNX Runtime on any device. The metadata is in the model's `metadata_props`."""

import warnings
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from denoisers.base import ImageModel
from exporting.about import RESTORED, input_name, output_names
from exporting.checks import Run
from exporting.tracing import trace

SUFFIX = ".onnx"
PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def missing() -> list[str]:
    """Return the names of the packages that are not installed."""
    return [name for name in PACKAGES if find_spec(name) is None]


def require() -> None:
    if absent := missing():
        raise ValueError(f"format=onnx needs {', '.join(absent)}: pip install '.[onnx]'")


def content(model: ImageModel, about: dict[str, str]) -> bytes:
    axes = {0: "batch"} | ({2: "height", 3: "width"} if model.takes_any_size else {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are about the exporter's own code
        exported = torch.onnx.export(
            trace(model),
            dynamo=True,
            verbose=False,
            input_names=[input_name(model)],
            output_names=list(output_names(model)),
            dynamic_shapes=(axes,),
        )
    assert exported is not None
    proto = exported.model_proto
    for output in proto.graph.output:
        if output.name == RESTORED:  # the exporter writes its size as a formula
            output.type.CopyFrom(proto.graph.input[0].type)
    del proto.graph.value_info[:]  # sizes of what is computed in between, as formulas too
    for part in (*proto.graph.node, *proto.graph.input, *proto.graph.output):
        del part.metadata_props[:]  # the lines of code that it comes from
    for key, value in about.items():
        proto.metadata_props.add(key=key, value=value)
    return proto.SerializeToString()


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
