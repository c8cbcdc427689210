"""Checkpoints that somebody has changed, and pickles that are hostile."""

from functools import cache
from pathlib import Path
from typing import Any

import torch

from tests.helpers.runs import DENSE, Run, read, trained


@cache
def small() -> Run:
    return trained(*DENSE, "model.hidden=[8,8]", "model.latent_dim=4")


def altered(target: Path, *keys: str, value: Any, source: Path | None = None) -> Path:
    """Copy a checkpoint with another value in one place."""
    content = read(source or small().last)
    node = content
    for key in keys[:-1]:
        node = node[key]
    node[keys[-1]] = value
    torch.save(content, target)
    return target


# Pickles that are written by hand, since pickle itself would write none of these.
TUPLE_IN_TUPLES = b")" + b"\x85" * 200_000
PAIRS_OF_PAIRS = (
    b")" + b"q\x00h\x00\x86" * 25
)  # each has twice as many values as the one before: 2 ** 25
LIST_IN_LISTS = b"]" * 100_000 + b"a" * 99_999
MILLIONS = b"](" + b"N" * 2_100_000 + b"e"
THOUSANDS = b"(" * 4 + b"N" + (b"q\x00" + b"h\x00" * 999 + b"t") * 4  # each list is in the next
COPIES = b"}(" + b"".join(b"J" + n.to_bytes(4, "little") + b"N" for n in range(10_000)) + b"uq\x00"
FLOATS = b"ctorch\nFloatStorage\n"
REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"


def text(value: str) -> bytes:
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


def integer(value: int) -> bytes:
    return b"\x8a\x08" + value.to_bytes(8, "little", signed=True)


def tensor(
    count: int = 4, offset: int = 0, size: tuple[int, ...] = (4,), stride: tuple[int, ...] = (1,)
) -> bytes:
    """Return a tensor that has four elements in the archive, and states other sizes."""
    storage = b"(" + text("storage") + FLOATS + text("0") + text("cpu") + integer(count) + b"tQ"
    shapes = [b"(" + b"".join(map(integer, shape)) + b"t" for shape in (size, stride)]
    no_hooks = b"ccollections\nOrderedDict\n)R"
    arguments = [storage, integer(offset), *shapes, b"\x89", no_hooks]
    return REBUILD + b"(" + b"".join(arguments) + b"tR"


TOO_DEEP, TOO_MANY = "it is nested too deeply", "it holds too many values"
KEYS = "a dict's keys must be text or whole numbers"
TOO_FEW = "it holds a tensor of more elements than it has"


def not_called(name: str) -> str:
    return f"it names '{name}', which is not called"


# By name: the contents of a file, and the reason for which it must be refused, not an earlier one.
PICKLES = {
    "a tuple in a tuple in …": (TUPLE_IN_TUPLES, TOO_DEEP),
    "a list in a list in …": (LIST_IN_LISTS, TOO_DEEP),
    "a list in itself": (b"]q\x00h\x00a", TOO_DEEP),
    "pairs of pairs": (PAIRS_OF_PAIRS, TOO_MANY),
    "millions": (MILLIONS, TOO_MANY),
    "thousands of thousands": (THOUSANDS, TOO_MANY),
    "a key nested deeply": (b"}" + TUPLE_IN_TUPLES + b"Ns", KEYS),
    "a key without end": (b"}" + PAIRS_OF_PAIRS + b"Ns", KEYS),
    "a key that is a tensor": (b"}" + tensor() + b"Ns", KEYS),
    "a terabyte of zeros": (
        b"cbuiltins\nbytearray\n" + integer(10**12) + b"\x85R",
        not_called("builtins bytearray"),
    ),
    "a huge tensor": (
        b"ctorch\nFloatTensor\n" + integer(10**12) + b"\x85R",
        not_called("torch FloatTensor"),
    ),
    "copies of copies": (
        COPIES + b"(" + b"ccollections\nOrderedDict\nh\x00\x85R" * 10_000 + b"l",
        r"_empty_dict\(\) takes 0 positional arguments but 1 was given",
    ),
    "a huge number": (b"\x8a\xff" + b"\x7f" * 255, "it holds the instruction LONG1"),
    "a class": (b"cdenoisers.dense\nDense\n)\x81", not_called("denoisers.dense Dense")),
    "attributes": (b"]}" + text("keys") + b"Nsb", "it gives attributes to what has none"),
    "an append to a dict": (b"}Na", "it appends to what is no list"),
    "a key without a value": (b"}(" + text("a") + b"u", r"zip\(\) argument 2 is shorter"),
    "a type alone": (FLOATS, "it holds a dtype"),
    "a function alone": (REBUILD, "it holds a function"),
    "a storage of nothing": (b"(NNNNNtQ", "it holds a tensor without a storage"),
    "a tensor of nothing": (REBUILD + b"(NNNNNNtR", "it holds a tensor that is not plain"),
    "a call of a tensor": (tensor() + b")R", "it calls what cannot be called"),
    "a name for a terminal": (
        b"c\x1b[31mos\nsystem\n)R",
        not_called(r"\\x1b\[31mos system"),
    ),
    "a storage beyond its record": (tensor(count=10**9), "record '0' does not have the size"),
    "a storage of any size": (tensor(count=-1), "record '0' does not have the size"),
    "a tensor beyond its storage": (tensor(size=(10**9,)), TOO_FEW),
    "a tensor off its storage": (tensor(offset=10**9), TOO_FEW),
    "a tensor of repetitions": (tensor(size=(10**6, 10**6), stride=(0, 0)), TOO_FEW),
    "a tensor of steps": (tensor(size=(2, 2), stride=(1, 10**9)), TOO_FEW),
    "a tensor backwards": (tensor(size=(4,), stride=(-1,)), "it holds a tensor without a shape"),
    "a tensor of dimensions": (
        tensor(size=(1,) * 10_000, stride=(1,) * 10_000),
        "it holds a tensor of too many dimensions",
    ),
    "quantised": (
        b"ctorch._utils\n_rebuild_qtensor\n)R",
        not_called("torch._utils _rebuild_qtensor"),
    ),
}
TENSORS = {
    "sparse": (torch.eye(3).to_sparse(), not_called("torch._utils _rebuild_sparse_tensor")),
    "meta": (
        torch.empty(10**15, device="meta"),
        not_called("torch._utils _rebuild_meta_tensor_no_storage"),
    ),
    "a parameter": (
        torch.nn.Parameter(torch.ones(3)),
        not_called("torch._utils _rebuild_parameter"),
    ),
    "with a gradient": (
        torch.ones(3, requires_grad=True),
        "it holds a tensor that is not plain",
    ),
    "expanded": (torch.ones(1).expand(10**12), TOO_FEW),
    "complex": (torch.ones(3, dtype=torch.complex64), not_called("torch ComplexFloatStorage")),
}
