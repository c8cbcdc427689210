"""A checkpoint with a wrong byte or a missing end is refused by its name, or reads as before."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from denoisers.checkpoint import read_checkpoint
from denoisers.upgrades import FORMAT_VERSION
from tests.helpers.runs import train_in


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the checkpoint of a small real run."""
    settings = ("model=dense", "model.hidden=[1]", "model.latent_dim=1", "trainer.max_epochs=1")
    return train_in(tmp_path_factory.mktemp("run"), *settings).last.read_bytes()


def exact(content: Any) -> Any:
    """Convert contents to a form that compares equal only for equal types and bits."""
    if isinstance(content, Tensor):
        return content.dtype, content.shape, content.numpy().tobytes()
    if isinstance(content, dict):
        return type(content), [(key, exact(value)) for key, value in content.items()]
    if isinstance(content, list | tuple):
        return type(content), [exact(value) for value in content]
    return type(content), content


def is_refused(file: Path, contents: Any) -> bool:
    """Tell whether a file is refused in one line with its name. Others must read as `contents`."""
    try:
        found = read_checkpoint(file).contents()
    except ValueError as error:
        (line,) = str(error).splitlines()
        assert line.startswith(f"{file} is ")
        assert line.isprintable()
        return True
    assert exact(found) == contents
    return False


def flips(whole: bytes, long: bool) -> list[tuple[int, int]]:
    """Return positions and the bits to flip there: some of them, or those of every byte."""
    draw = random.Random(0)
    size = len(whole)
    if long:
        return [(place, bits) for place in range(size) for bits in (1 << draw.randrange(8), 0xFF)]
    end_of_archive = range(size - 200, size)  # the list of the records is there
    return [(place, 1 << draw.randrange(8)) for place in (*range(0, size, 40), *end_of_archive)]


def test_a_flip_in_any_byte(whole: bytes, long: bool, tmp_path: Path) -> None:
    file = tmp_path / "flipped.ckpt"
    file.write_bytes(whole)
    contents = exact(read_checkpoint(file).contents())
    tried = flips(whole, long)
    refused = 0
    for place, bits in tried:
        damaged = bytearray(whole)
        damaged[place] ^= bits
        file.write_bytes(damaged)
        refused += is_refused(file, contents)
    print(f"{len(whole)} bytes, {len(tried)} flips: {refused} refused, the others read as before")
    # The others are times, alignment and other bytes without a meaning.
    assert 0.5 < refused / len(tried) < 1


def test_any_truncation(whole: bytes, long: bool, tmp_path: Path) -> None:
    file = tmp_path / "truncated.ckpt"
    steps = len(whole) if long else 50
    for length in {*range(0, len(whole), len(whole) // steps), 1, len(whole) - 1}:
        file.write_bytes(whole[:length])
        assert is_refused(file, None), length


@pytest.mark.parametrize("name", ["wrong.safetensors", "wrong.pt"])
def test_the_name_does_not_choose_another_reader(name: str, whole: bytes, tmp_path: Path) -> None:
    """torch.load reads any file named .safetensors as such."""
    (tmp_path / name).write_bytes(whole)
    assert read_checkpoint(tmp_path / name).run["format_version"] == FORMAT_VERSION


def test_what_the_reader_reads_is_what_torch_reads(whole: bytes, tmp_path: Path) -> None:
    file = tmp_path / "whole.ckpt"
    file.write_bytes(whole)
    assert exact(read_checkpoint(file).contents()) == exact(torch.load(file, weights_only=True))
