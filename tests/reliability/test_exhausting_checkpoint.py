"""Checkpoints that would take all memory, time or the stack are refused in one line."""

import json
import os
import pickle
import re
import resource
import sys
import time
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from denoisers.checkpoint import build_model, load_model
from denoisers.resuming import read_resumable
from tests.helpers.hostile import PICKLES, TENSORS, TOO_FEW, TOO_MANY, altered, small, text
from tests.helpers.processes import call_in_process
from tests.helpers.runs import read, run_command

CLAIMS = "its records claim more bytes than it has"
TWICE = "two of its records have the same name"
OUT_OF_RANGE = r"must be in \[1, 100,000\]( and not empty)?, got"
ARGUMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "wide layers": ({"hidden": [10**9, 10**9]}, f"hidden {OUT_OF_RANGE}"),
    "wider layers": ({"hidden": [2**62, 2**62]}, f"hidden {OUT_OF_RANGE}"),
    "many layers": (
        {"hidden": [1] * 500_000},
        "its model would have more layers than it has weights of",
    ),
    "a wide latent": ({"latent_dim": 10**12}, f"latent_dim {OUT_OF_RANGE}"),
    "large images": (
        {"image_shape": (1, 10**6, 10**6)},
        r"encoder.0.weight has the shape \(8, 784\), its model wants \(8, 1000000000000\)",
    ),
    "larger images": ({"image_shape": (2**62, 2**62, 2**62)}, ".*Overflow"),
    "no image": ({"image_shape": ()}, "not enough values to unpack"),
    "words": ({"hidden": "wide"}, f"hidden {OUT_OF_RANGE} wide"),
    "another argument": ({"device": "meta"}, r".*unexpected keyword argument 'device'"),
}


def in_one_another(hold: Callable[[list[Any]], Any]) -> Any:
    """Nest twelve containers, each ten times in the next, which stands for 10^12 values."""
    value: Any = 0.5
    for _ in range(12):
        value = hold([value] * 10)
    return value


# Only the number of their values is wrong. torch.save has added them to a good checkpoint.
SHARED: dict[str, Callable[[list[Any]], Any]] = {
    "shared lists": list,
    "shared tuples": tuple,
    "shared dicts": lambda parts: dict(enumerate(parts)),
    "shared ordered dicts": lambda parts: OrderedDict(enumerate(parts)),
    "shared in turns": lambda parts: {"a": [tuple(parts[:9])], "b": parts[9]},
}


def archive(target: Path, pickled: bytes, end: bytes = b".") -> None:
    """Write a checkpoint with a real "run", and a hand-written pickle as a model's argument."""
    run = pickle.dumps(read(small().last)["run"], protocol=2)[2:-1]
    arguments = b"}" + text("hidden") + pickled + b"s"
    entries = text("run") + run + text("state_dict") + b"}" + text("hyper_parameters") + arguments
    with zipfile.ZipFile(target, "w") as file:
        file.writestr("archive/data.pkl", b"\x80\x02}(" + entries + b"u" + end)
        file.writestr("archive/data/0", bytes(16))


def rewritten(target: Path, change: Callable[[zipfile.ZipFile], None], **settings: Any) -> None:
    """Write a real checkpoint into another archive."""
    with (
        zipfile.ZipFile(small().last) as source,
        zipfile.ZipFile(target, "w", **settings) as file,
    ):
        for name in source.namelist():
            file.writestr(name, source.read(name))
        change(file)


def claim_a_terabyte(file: zipfile.ZipFile) -> None:
    file.filelist[-1].compress_size = file.filelist[-1].file_size = 2**40


def repeat_records(file: zipfile.ZipFile) -> None:
    largest = max(file.filelist, key=lambda entry: entry.file_size)
    file.filelist += [largest] * 10_000


def second_pickle(file: zipfile.ZipFile) -> None:
    file.writestr("other/data.pkl", b"\x80\x02}.")


def of_one_element() -> dict[str, Any]:
    """Return a model of 40 gigabytes. Its weights have the right shapes and repeat one number."""
    content = read(small().last)
    arguments = content["hyper_parameters"] | {"hidden": [100_000, 100_000]}
    with torch.device("meta"):
        weights = build_model(content["run"]["model"], arguments).state_dict()
    repeated = {name: torch.zeros(()).expand(weight.shape) for name, weight in weights.items()}
    return content | {"hyper_parameters": arguments, "state_dict": repeated}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder of files that would exhaust memory, time or the stack."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, (pickled, _) in PICKLES.items():
        archive(folder / f"{name}.ckpt", pickled)
    for name, (value, _) in TENSORS.items():
        altered(folder / f"{name}.ckpt", "state_dict", "weight", value=value)
    for name, (arguments, _) in ARGUMENTS.items():
        changed = read(small().last)["hyper_parameters"] | arguments
        altered(folder / f"{name}.ckpt", "hyper_parameters", value=changed)
    for name, hold in SHARED.items():
        altered(folder / f"{name}.ckpt", "notes", value=in_one_another(hold))
    content = read(small().last)
    content["run"]["model"] = "denoisers.dncnn.DnCNN"
    for key in ("hidden", "latent_dim"):
        del content["hyper_parameters"][key]
    content["hyper_parameters"] |= {"depth": 10**12, "width": 1}
    torch.save(content, folder / "endless layers.ckpt")
    torch.save(of_one_element(), folder / "weights of one element.ckpt")
    rewritten(folder / "compressed.ckpt", lambda file: None, compression=zipfile.ZIP_DEFLATED)
    rewritten(folder / "a terabyte.ckpt", claim_a_terabyte)
    rewritten(folder / "repeated.ckpt", repeat_records)
    with pytest.warns(UserWarning, match="Duplicate name"):
        rewritten(folder / "twice.ckpt", lambda file: file.writestr("archive/data.pkl", b""))
    rewritten(folder / "two archives.ckpt", second_pickle)
    archive(folder / "no end.ckpt", b"N", end=b"")
    archive(folder / "bytes in another order.ckpt", b"N")
    with zipfile.ZipFile(folder / "bytes in another order.ckpt", "a") as file:
        file.writestr("archive/byteorder", {"little": "big", "big": "little"}[sys.byteorder])
    return folder


REASONS = {
    **{name: reason for name, (_, reason) in (PICKLES | TENSORS | ARGUMENTS).items()},
    **dict.fromkeys(SHARED, TOO_MANY),
    "endless layers": r"depth must be in \[2, 1,000\], got",
    "weights of one element": TOO_FEW,
    "compressed": CLAIMS,
    "a terabyte": CLAIMS,
    "repeated": CLAIMS,
    "twice": TWICE,
    "two archives": TWICE,
    "no end": "pickle exhausted before seeing STOP",
    "bytes in another order": "it was written on a machine with another order of bytes",
}


def read_all(folder: str) -> None:
    """Print the verdict on each file and the seconds that it took, with 1 GB of memory for it."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + 1_000_000_000
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for file in sorted(Path(folder).iterdir()):
        for load in (load_model, lambda file: read_resumable(file, None)):
            start, verdict = time.process_time(), "loaded"
            try:
                load(file)
            except Exception as error:
                verdict = f"{type(error).__name__}: {error}"
            print(json.dumps([file.name, verdict, time.process_time() - start]), flush=True)
            if "is damaged" in verdict:
                break  # before it matters what it is read for


def test_shared_parts_are_one_line_for_a_user_too(hostile: Path, tmp_path: Path) -> None:
    for script in ("eval.py", "train.py"):
        checkpoint = f"checkpoint={hostile / 'shared lists.ckpt'}"
        done = run_command(script, checkpoint, directory=tmp_path)
        assert done.returncode == 1
        assert re.fullmatch(
            rf"{script}: .*shared lists.ckpt is damaged .*: {TOO_MANY}\n", done.stderr
        )
    assert not any(tmp_path.iterdir())


def test_no_file_exhausts_memory_time_or_the_stack(hostile: Path) -> None:
    done = call_in_process(read_all, hostile).wait(300)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-500:]
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    assert {name for name, _, _ in verdicts} == set(os.listdir(hostile))
    for name, verdict, seconds in verdicts:
        reason = REASONS[name.removesuffix(".ckpt")]
        about = rf"ValueError: {re.escape(str(hostile / name))} (is|does not|cannot) [^:]*: "
        assert re.match(about + reason, verdict), (name, verdict, reason)
        assert verdict.isprintable(), name
        assert len(verdict) < len(str(hostile)) + 300, name
        assert seconds < 20, name
