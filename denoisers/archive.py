"""The files of `torch.save`, read as if a stranger had written them: nothing in them is called.

Such a file is a zip archive. Its record data.pkl is a pickle of the containers; data/0, data/1, …
are the bytes of the tensors. `torch.load(weights_only=True)` would not run foreign code either, but
it does not compare checksums, and a pickle of a few bytes can make it take any amount of memory
(`bytearray(10**12)`), never end (a key of tuples that share their parts), or crash the interpreter
(a key of tuples nested a million deep). So the few instructions that `torch.save` uses for plain
containers are carried out here, and all others refused.
"""

import math
import os
import pickletools
import sys
import zipfile
from collections import OrderedDict
from typing import Any, BinaryIO, NamedTuple

import torch
from torch import Tensor

MOST_VALUES = 1_000_000  # a history grows by a dozen an epoch
DEEPEST = 32  # containers in one another
MOST_DIMENSIONS = 16

REBUILD = "torch._utils _rebuild_tensor_v2"
DICT = "collections OrderedDict"
DTYPES = {
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
NAMES = {REBUILD, DICT, *DTYPES}


def read_archive(file: BinaryIO) -> Any:
    """The contents: dicts, lists, tuples, text, numbers, and dense tensors on the CPU.

    Raises an exception of any kind where the file is damaged, or holds anything else, or more than
    `MOST_VALUES` values (one that stands in several places counts in each), or containers nested
    deeper than `DEEPEST`. It takes time and memory in proportion to the file's size at most.
    """
    records = _records(file)
    if records.get("byteorder", sys.byteorder.encode()) != sys.byteorder.encode():
        raise ValueError("it was written on a machine with another order of bytes")
    content = _Reader(records).read(records["data.pkl"])
    _require_bounded(content)
    return content


def _records(file: BinaryIO) -> dict[str, bytes]:
    """The archive's records by their names, without the folder's, once their checksums hold."""
    size = file.seek(0, os.SEEK_END)
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        # Compressed ones do, and those that share their bytes.
        if sum(max(e.file_size, e.compress_size) for e in entries) > size:
            raise ValueError("its records claim more bytes than it has")
        records = {e.filename.partition("/")[2]: archive.read(e) for e in entries}
    if len(records) < len(entries):
        raise ValueError("two of its records have the same name")
    return records


class _Name(NamedTuple):
    """A function or class that the pickle names. It is never looked up."""

    name: str


class _Storage(NamedTuple):
    """The elements of a record, which several tensors may share."""

    elements: Tensor


class _Reader:
    """Carries out the instructions of a pickle, as far as plain contents need them."""

    def __init__(self, records: dict[str, bytes]) -> None:
        self.records = records
        self.storages: dict[tuple[str, _Name], _Storage] = {}
        self.memo: dict[int, Any] = {}
        self.stack: list[Any] = []
        self.frames: list[list[Any]] = []  # the stacks below the marks

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
            case "BINPUT" | "LONG_BINPUT":
                self.memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(self.memo[argument])
            case "BININT" | "BININT1" | "BININT2" | "BINFLOAT" | "BINUNICODE":
                stack.append(argument)
            case "LONG1" if abs(argument) < 2**63:
                stack.append(argument)
            case "NONE":
                stack.append(None)
            case "NEWTRUE":
                stack.append(True)
            case "NEWFALSE":
                stack.append(False)
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_TUPLE":
                stack.append(())
            case "MARK":
                self.frames.append(stack)
                self.stack = []
            case "TUPLE":
                values = self._since_mark()
                self.stack.append(tuple(values))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = int(instruction[-1])
                stack[-count:] = [tuple(stack[-count:])]
            case "APPEND":
                _extend(stack[-2], [stack.pop()])
            case "APPENDS":
                values = self._since_mark()
                _extend(self.stack[-1], values)
            case "SETITEM":
                _update(stack[-3], [stack.pop(-2), stack.pop()])
            case "SETITEMS":
                values = self._since_mark()
                _update(self.stack[-1], values)
            case "GLOBAL":
                if argument not in NAMES:
                    raise ValueError(f"it names {argument!r}, which is not called")
                stack.append(_Name(argument))
            case "BINPERSID":
                stack.append(self._storage(stack.pop()))
            case "REDUCE":
                arguments, name = stack.pop(), stack.pop()
                stack.append(_made(name, arguments))
            case "BUILD":
                # The versions of the modules, which torch notes on a state dict. None of ours
                # reads an older one in another way.
                state, target = stack.pop(), stack[-1]
                if type(target) is not OrderedDict or type(state) is not dict:
                    raise ValueError("it gives attributes to what has none")
            case _:
                raise ValueError(f"it holds the instruction {instruction}, which is not followed")

    def _since_mark(self) -> list[Any]:
        values, self.stack = self.stack, self.frames.pop()
        return values

    def _storage(self, identity: Any) -> _Storage:
        """The storage of ("storage", kind, key, device, number of elements)."""
        _, kind, key, _, count = identity
        # The types first: to hash or to compare what is nested deeply can crash.
        if (type(kind), type(key), type(count)) != (_Name, str, int):
            raise ValueError("it holds a tensor without a storage")
        if (key, kind) not in self.storages:
            record, dtype = self.records[f"data/{key}"], DTYPES[kind.name]
            if len(record) != count * dtype.itemsize:
                raise ValueError(f"record {key!r} does not have the size of its tensor")
            elements = torch.empty(0, dtype=dtype)
            if count:  # `frombuffer` takes no empty buffer; the clone is aligned as torch likes it
                elements = torch.frombuffer(bytearray(record), dtype=dtype).clone()
            self.storages[key, kind] = _Storage(elements)
        return self.storages[key, kind]


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


def _made(name: Any, arguments: Any) -> Any:
    """What a call of one of two known functions would return."""
    if type(name) is not _Name or type(arguments) is not tuple:
        raise ValueError("it calls what cannot be called")
    if name.name == DICT and not arguments:
        return OrderedDict()
    if name.name == REBUILD:
        storage, offset, size, stride, requires_grad, hooks = arguments
        if requires_grad is False and not hooks:
            return _tensor(storage.elements, offset, size, stride)
    raise ValueError(f"it calls {name.name} as torch.save would not")


def _tensor(
    elements: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...]
) -> Tensor:
    if max(len(size), len(stride)) > MOST_DIMENSIONS:
        raise ValueError("it holds a tensor of too many dimensions")
    if any(type(number) is not int or number < 0 for number in (offset, *size, *stride)):
        raise ValueError("it holds a tensor without a shape")
    # A stride of 0 would make any size of one element.
    count = math.prod(size)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if count > len(elements) or (count and last >= len(elements)):
        raise ValueError("it holds a tensor of more elements than it has")
    storage = elements.untyped_storage()
    return torch.empty(0, dtype=elements.dtype).set_(storage, offset, size, stride)


def _require_bounded(content: Any) -> None:
    """Contents may share parts, or contain themselves: what walks them later could never end."""
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
