"""Reads files of `torch.save` that a stranger may have written, and calls nothing in them.

Such a file is a zip archive. Its record data.pkl is a pickle of the containers; data/0, data/1, …
are the bytes of the tensors. `torch.load(weights_only=True)` would not run foreign code either, but
it does not compare checksums, and a pickle of a few bytes can make it take any amount of memory
(`bytearray(10**12)`), never end (a key of tuples that share their parts), or crash the interpreter
(a key of tuples nested a million deep). So this reader carries out the few instructions that
`torch.save` uses for plain containers, and refuses all others.
"""

import math
import os
import pickletools
import sys
import zipfile
from collections import OrderedDict
from types import FunctionType
from typing import Any, BinaryIO

import torch
from torch import Tensor

MOST_VALUES = 1_000_000  # a history grows by a dozen an epoch
DEEPEST = 32  # containers in one another
MOST_DIMENSIONS = 16

CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
EMPTY: dict[str, type] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
# How many values an instruction takes from the stack. Others take all since the last mark.
TAKEN = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3, "APPEND": 1, "SETITEM": 2}


def read_archive(file: BinaryIO) -> Any:
    """Read a file, in time and memory that are at most proportional to its size.

    Returns:
        Dicts, lists, tuples, text, numbers, and dense tensors on the CPU, as in `require_bounded`.

    Raises:
        Exception: Of any kind, where the file is damaged or holds anything else.
    """
    records = _records(file)
    if records.get("byteorder", sys.byteorder.encode()) != sys.byteorder.encode():
        raise ValueError("it was written on a machine with another order of bytes")
    content = _Reader(records).read(records["data.pkl"])
    require_bounded(content)
    return content


def _records(file: BinaryIO) -> dict[str, bytes]:
    """The archive's records by their names, without the folder's, once their checksums hold."""
    size = file.seek(0, os.SEEK_END)
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        # Compressed records would, and records that share their bytes.
        if sum(max(e.file_size, e.compress_size) for e in entries) > size:
            raise ValueError("its records claim more bytes than it has")
        records = {e.filename.partition("/")[2]: archive.read(e) for e in entries}
    if len(records) < len(entries):
        raise ValueError("two of its records have the same name")
    return records


class _Reader:
    """Carries out the instructions of a pickle that plain contents need."""

    def __init__(self, records: dict[str, bytes]) -> None:
        self.records = records
        self.storages: dict[tuple[str, torch.dtype], Tensor] = {}
        self.memo: dict[int, Any] = {}
        self.stack: list[Any] = []
        self.marks: list[int] = []  # positions in the stack

    def read(self, pickle: bytes) -> Any:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(pickle)):
            if count > 2 * MOST_VALUES:  # most are followed by one that memorises them
                raise ValueError("it holds too many values")
            self._do(opcode.name, argument)
        return self.stack.pop()

    def _do(self, instruction: str, argument: Any) -> None:
        stack = self.stack
        match instruction:
            case "PROTO" | "STOP":
                pass
            case "BININT" | "BININT1" | "BININT2" | "BINFLOAT" | "BINUNICODE":
                stack.append(argument)
            case "LONG1" if abs(argument) < 2**63:
                stack.append(argument)
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                stack.append(CONSTANTS[instruction])
            case "EMPTY_DICT" | "EMPTY_LIST" | "EMPTY_TUPLE":
                stack.append(EMPTY[instruction]())
            case "BINPUT" | "LONG_BINPUT":
                self.memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(self.memo[argument])
            case "MARK":
                self.marks.append(len(stack))
            case "TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(self._taken(instruction)))
            case "APPEND" | "APPENDS":
                values = self._taken(instruction)
                _extend(stack[-1], values)
            case "SETITEM" | "SETITEMS":
                values = self._taken(instruction)
                _update(stack[-1], values)
            case "GLOBAL":
                if argument not in NAMES:
                    raise ValueError(f"it names {argument!r}, which is not called")
                stack.append(NAMES[argument])
            case "BINPERSID":
                stack.append(self._storage(stack.pop()))
            case "REDUCE":
                arguments, function = stack.pop(), stack.pop()
                if type(function) is not FunctionType:
                    raise ValueError("it calls what cannot be called")
                stack.append(function(*arguments))
            case "BUILD":
                # torch attaches the versions of the modules to a state dict. They are left out:
                # no module of ours reads an older version in another way.
                state, target = stack.pop(), stack[-1]
                if type(target) is not OrderedDict or type(state) is not dict:
                    raise ValueError("it gives attributes to what has none")
            case _:
                raise ValueError(f"it holds the instruction {instruction}, which is not followed")

    def _taken(self, instruction: str) -> list[Any]:
        """The values that an instruction takes from the stack."""
        count = TAKEN.get(instruction)
        start = self.marks.pop() if count is None else len(self.stack) - count
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def _storage(self, identity: Any) -> Tensor:
        """The elements of a record, by ("storage", type, record, device, number of elements)."""
        _, dtype, key, _, count = identity
        # The types first: to hash or to compare what is nested deeply can crash.
        if (type(dtype), type(key), type(count)) != (torch.dtype, str, int):
            raise ValueError("it holds a tensor without a storage")
        if (key, dtype) not in self.storages:
            record = self.records[f"data/{key}"]
            if len(record) != count * dtype.itemsize:
                raise ValueError(f"record {key!r} does not have the size of its tensor")
            elements = torch.empty(0, dtype=dtype)
            if count:  # `frombuffer` takes no empty buffer; the clone is aligned as torch likes it
                elements = torch.frombuffer(bytearray(record), dtype=dtype).clone()
            self.storages[key, dtype] = elements
        return self.storages[key, dtype]


def _extend(target: Any, values: list[Any]) -> None:
    if type(target) is not list:
        raise ValueError("it appends to what is no list")
    target.extend(values)


def _update(target: Any, values: list[Any]) -> None:
    """Set keys, which alternate with their values."""
    keys = values[::2]
    if type(target) not in (dict, OrderedDict) or any(type(key) not in (str, int) for key in keys):
        raise ValueError("a dict's keys must be text or whole numbers")
    target.update(zip(keys, values[1::2], strict=True))


def _empty_dict() -> OrderedDict[Any, Any]:
    """In place of OrderedDict, which would copy what it is given."""
    return OrderedDict()


def _tensor(
    elements: Tensor,
    offset: int,
    size: tuple[int, ...],
    stride: tuple[int, ...],
    requires_grad: bool,
    hooks: Any,
) -> Tensor:
    """In place of torch's function, which would believe the sizes."""
    if type(elements) is not Tensor or requires_grad is not False or hooks:
        raise ValueError("it holds a tensor that is not plain")
    if max(len(size), len(stride)) > MOST_DIMENSIONS:
        raise ValueError("it holds a tensor of too many dimensions")
    if any(type(number) is not int or number < 0 for number in (offset, *size, *stride)):
        raise ValueError("it holds a tensor without a shape")
    # A stride of 0 would make any size of one element.
    count = math.prod(size)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if count > elements.numel() or (count and last >= elements.numel()):
        raise ValueError("it holds a tensor of more elements than it has")
    storage = elements.untyped_storage()
    return torch.empty(0, dtype=elements.dtype).set_(storage, offset, size, stride)


# What a pickle may name, and what stands for it here.
NAMES = {
    "collections OrderedDict": _empty_dict,
    "torch._utils _rebuild_tensor_v2": _tensor,
    "torch DoubleStorage": torch.float64,
    "torch FloatStorage": torch.float32,
    "torch HalfStorage": torch.float16,
    "torch BFloat16Storage": torch.bfloat16,
    "torch LongStorage": torch.int64,
    "torch IntStorage": torch.int32,
    "torch ShortStorage": torch.int16,
    "torch CharStorage": torch.int8,
    "torch ByteStorage": torch.uint8,
    "torch BoolStorage": torch.bool,
}


def require_bounded(content: Any) -> None:
    """Check that contents are plain and that a walk through them ends.

    They may share parts, or contain themselves. A value counts in each place where it stands.

    Raises:
        ValueError: They hold more than `MOST_VALUES` values, or containers nested deeper than
            `DEEPEST`, or objects of other types.
    """
    count, waiting = 1, [(content, 1)]
    while waiting:
        value, depth = waiting.pop()
        if type(value) in (dict, OrderedDict):
            parts = list(value.values())
        elif type(value) in (list, tuple):
            parts = value
        elif value is None or type(value) in (str, int, float, bool, Tensor):
            continue
        else:
            raise ValueError(f"it holds a {type(value).__name__}")
        count += len(parts)
        if count > MOST_VALUES:
            raise ValueError("it holds too many values")
        if depth > DEEPEST:
            raise ValueError("it is nested too deeply")
        waiting += [(part, depth + 1) for part in parts]
