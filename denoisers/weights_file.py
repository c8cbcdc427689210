"""Weights as safetensors, with what a model is built from: a checkpoint without a training's state.

Any program can read the tensors. This project's metadata are two texts beside them:
    checkpoint  JSON: the entries "run" and "hyper_parameters" of a checkpoint
    sha256      of that text and of the tensors, since safetensors has no checksums
"""

import hashlib
import json
from typing import Any, BinaryIO

import safetensors.torch
import torch
from torch import Tensor

from denoisers.archive import require_bounded

LARGEST_HEADER = 2**20  # bytes, of which a model's names and settings take some thousands
DESCRIPTION, DIGEST = "checkpoint", "sha256"


def is_weights_file(file: BinaryIO) -> bool:
    """Whether a file begins like safetensors: with the length of a JSON object, and the object."""
    file.seek(0)
    return file.read(9)[8:] == b"{"


def encode_weights(
    weights: dict[str, Tensor], run: dict[str, Any], arguments: dict[str, Any]
) -> bytes:
    """Make the content of a file.

    Args:
        weights: A model's state.
        run: The checkpoint's "run" entry.
        arguments: The model's constructor's, plain.
    """
    plain = {name: tensor.cpu().contiguous() for name, tensor in weights.items()}
    description = json.dumps({"run": run, "hyper_parameters": arguments})
    metadata = {DESCRIPTION: description, DIGEST: _digest(description, plain)}
    return safetensors.torch.save(plain, metadata={"model": str(run["model"]), **metadata})


def read_weights(file: BinaryIO) -> dict[str, Any]:
    """The entries "run", "hyper_parameters" and "state_dict" of a checkpoint.

    Raises:
        Exception: Of any kind, where the file is damaged or was not written by this project.
    """
    file.seek(0)
    content = file.read()
    length = int.from_bytes(content[:8], "little")
    if length > LARGEST_HEADER:
        raise ValueError("its header is too long")
    metadata = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
    if DESCRIPTION not in metadata:
        raise ValueError(
            "it is an export: give the checkpoint that it was made from"
            if "arguments" in metadata
            else "it is a safetensors file that does not say how to build its model: give best.ckpt"
        )
    weights = safetensors.torch.load(content)
    if metadata.get(DIGEST) != _digest(metadata[DESCRIPTION], weights):
        raise ValueError("its bytes are not those that were written")
    entries = json.loads(metadata[DESCRIPTION])
    require_bounded(entries)
    return {name: entries[name] for name in ("run", "hyper_parameters")} | {"state_dict": weights}


def _digest(description: str, weights: dict[str, Tensor]) -> str:
    digest = hashlib.sha256(description.encode())
    for name in sorted(weights):
        tensor = weights[name]
        digest.update(repr((name, str(tensor.dtype), tuple(tensor.shape))).encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
