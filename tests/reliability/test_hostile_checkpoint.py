"""A checkpoint from a stranger runs nothing, and is refused with little time and memory."""

import importlib
import json
import math
import os
import pickle
import re
import resource
import shutil
import sys
import time
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import torch

from cli.messages import is_users_mistake
from denoisers.checkpoint import build_model, load_model
from denoisers.intervals.calibration import calibrations_of
from denoisers.resuming import read_resumable
from tests.helpers.processes import call_in_process
from tests.helpers.runs import (
    DENSE,
    Run,
    composite,
    contents,
    read,
    resume_in,
    run_command,
    score_in,
    trained,
)


@cache
def small() -> Run:
    return trained(*DENSE, "model.hidden=[8,8]", "model.latent_dim=4")


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.file),)


@pytest.mark.parametrize(
    ("zipped", "reason"),
    [
        (True, "it names 'posix mkdir', which is not called"),
        (False, "it is a pickle, which is not opened"),
    ],
)
def test_a_pickle_that_runs_code_is_refused(zipped: bool, reason: str, tmp_path: Path) -> None:
    proof, file = tmp_path / "proof", tmp_path / "harmful.ckpt"
    content = read(small().best) | {"callbacks": Payload(proof)}
    if zipped:
        torch.save(content, file)
    else:
        file.write_bytes(pickle.dumps(content["callbacks"]))
    for call in (load_model, lambda path: score_in(tmp_path / "run", path)):
        with pytest.raises(ValueError, match=rf"harmful.ckpt is damaged or not a .*: {reason}"):
            call(file)
    assert os.listdir(tmp_path) == ["harmful.ckpt"]
    torch.load(file, weights_only=False) if zipped else pickle.loads(file.read_bytes())
    assert proof.exists(), "the payload works where nothing refuses it"


def altered(target: Path, *keys: str, value: Any, source: Path | None = None) -> Path:
    """Copy a checkpoint with another value in one place."""
    content = read(source or small().last)
    node = content
    for key in keys[:-1]:
        node = node[key]
    node[keys[-1]] = value
    torch.save(content, target)
    return target


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "builtins.eval",
        "torch.nn.Linear",
        "denoisers.base.torch.load",
        "denoisers.base.LightningModule",
        "denoisers.checkpoint.os.system",
        "denoisers.composite.assemble",
        "denoisers.checkpoint.load_model",
        "denoisers",
        "",
    ],
)
def test_only_models_of_ours_are_built_from_a_checkpoint(name: str, tmp_path: Path) -> None:
    file = altered(tmp_path / "harmful.ckpt", "run", "model", value=name)
    for call in (
        load_model,
        lambda path: score_in(tmp_path / "run", path),
        lambda path: resume_in(tmp_path / "run", path, "trainer.max_epochs=9"),
    ):
        with pytest.raises(ValueError, match=r"harmful.ckpt .*is not of this project's denoisers"):
            call(file)
    assert not (tmp_path / "run").exists()


def test_the_parts_of_a_composite_are_models_of_ours_too(tmp_path: Path) -> None:
    content = read(trained(*composite()).best)
    proof, file = tmp_path / "proof", tmp_path / "harmful.ckpt"
    arguments = dict(content["hyper_parameters"])
    harmful = {
        key: {"path": str(proof)} if isinstance(value, dict) else "os.mkdir"
        for key, value in arguments["denoiser"].items()
    }
    torch.save(content | {"hyper_parameters": arguments | {"denoiser": harmful}}, file)
    with pytest.raises(ValueError, match=r"'os.mkdir' is not of this project's denoisers"):
        load_model(file)
    assert not proof.exists()


PLACES = [
    ("run", "data"),
    ("run", "noise"),
    ("run", "objective"),
    ("run", "trainer"),
    ("hyper_parameters",),
]


@pytest.mark.parametrize("place", PLACES)
def test_settings_in_a_checkpoint_name_no_foreign_code(
    place: tuple[str, ...], tmp_path: Path
) -> None:
    proof, file = tmp_path / "proof", tmp_path / "harmful.ckpt"
    node: Any = read(small().last)
    for key in place:
        node = node[key]
    harmful = {"_target_": "os.mkdir", "path": str(proof)}
    # The trainer is Lightning's, and a model's arguments hold no objects at all.
    objects = place[-1] not in ("trainer", "hyper_parameters")
    refused = "'os.mkdir' is not of" if objects else "it holds the key '_target_'"
    changes: list[tuple[str, Any, str]] = [
        ("seed", harmful, refused),
        ("seed", [harmful], refused),
        ("seed", {"deep": [{"down": harmful}]}, refused),
        ("seed", "${oc.env:HOME}", "it holds the interpolation"),
        ("_partial_", True, "it holds the key '_partial_'"),
    ]
    if place != ("hyper_parameters",):
        foreign = (
            "os.mkdir",
            "datamodules.images.torch.load",
            "datamodules.mnist.os.mkdir",
            "denoisers.checkpoint.read_checkpoint",
            "pytorch_lightning.Trainer.from_argparse_args",
        )
        changes += [("_target_", name, f"'{name}' is not (of|Light)") for name in foreign]
    for key, value, reason in changes:
        altered(file, *place, value=dict(node) | {key: value})
        assert_refused(file, reason)
    assert os.listdir(tmp_path) == ["harmful.ckpt"]


def test_the_noise_of_a_calibration_names_no_foreign_code_either(tmp_path: Path) -> None:
    proof, file = tmp_path / "proof", tmp_path / "harmful.ckpt"
    harmful = {"_target_": "os.mkdir", "path": str(proof)}
    right = calibration()
    assert calibrations_of(load_model(altered(file, "run", "intervals", value=[right]))[1])
    for noise, reason in (
        (harmful, "'os.mkdir' is not of"),
        ({"std": 0.5}, "None is not of"),
        (right["noise"] | {"std": harmful}, "'os.mkdir' is not of"),
        (right["noise"] | {"std": [{"deep": harmful}]}, "'os.mkdir' is not of"),
        (right["noise"] | {"std": "${oc.env:HOME}"}, "it holds the interpolation"),
        (right["noise"] | {"_partial_": True}, "it holds the key '_partial_'"),
    ):
        altered(file, "run", "intervals", value=[right, right | {"noise": noise}])
        assert_refused(file, reason)
    assert os.listdir(tmp_path) == ["harmful.ckpt"]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"scale": -1.0}, r"intervals\.0\.scale is wrong: Input should be greater than 0"),
        ({"level": math.nan}, r"intervals\.0\.level is wrong"),
        ({"widths": {"weights": []}}, r"intervals\.0\.widths\.knots is wrong: Field required"),
        ({"images": [torch.ones(1)]}, r"intervals\.0\.images is wrong"),
        ({"\x1b[2J" + 200 * "x": 1}, r"intervals\.0\.\?\[2Jx{60,70} is wrong: Extra inputs"),
    ],
)
def test_a_calibration_that_is_none_is_one_line(
    wrong: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    file = altered(tmp_path / "odd.ckpt", "run", "intervals", value=[calibration() | wrong])
    with pytest.raises(ValueError, match=f"is not a checkpoint of this project: its {reason}"):
        load_model(file)


def calibration() -> dict[str, Any]:
    """The smallest calibration of intervals that there is."""
    return {
        "noise": {"_target_": "datamodules.noise.Gaussian", "std": 0.5, "clip": True},
        "symmetries": 1,
        "level": 0.9,
        "delta": 0.1,
        "images": 100,
        "image_shape": [1, 28, 28],
        "scale": 1.0,
        "widths": {"weights": [], "knots": [0.0], "lower": [0.1], "upper": [0.1]},
    }


def assert_refused(file: Path, reason: str) -> None:
    """By everything that reads a checkpoint."""
    directory = file.parent / "run"
    for call in (load_model, partial(score_in, directory), partial(resume_in, directory)):
        with pytest.raises(ValueError, match=rf"{file.name} is refused: {reason}"):
            call(file)


TRACE = """
import pathlib
from datamodules.noise import Gaussian

pathlib.Path(__file__).with_name("trace").touch()

class Noise(Gaussian):
    pass
"""


@pytest.mark.parametrize("place", [("noise",), ("noise", "parts", "a"), ("data", "seed")])
def test_no_module_is_imported_because_a_checkpoint_names_it(
    place: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, file = f"leaves_a_trace_{len(place)}_{place[0]}", tmp_path / "harmful.ckpt"
    (tmp_path / f"{name}.py").write_text(TRACE)
    monkeypatch.syspath_prepend(tmp_path)
    node = {"_target_": f"{name}.Noise", "std": 0.5, "clip": True}
    mixed = {"_target_": "datamodules.mixed_noise.Mixed", "strength": 1.0, "clip": True}
    altered(file, "run", "noise", value=mixed | {"parts": {"a": {}}})
    altered(file, "run", *place, value=node, source=file)
    assert_refused(file, f"'{name}.Noise' is not of this project's datamodules")
    assert not (tmp_path / "trace").exists()
    # What the program has imported itself may be named: it is a user's own noise.
    importlib.import_module(name)
    assert (tmp_path / "trace").exists()
    assert isinstance(load_model(file)[1][place[0]], dict)


def test_settings_do_not_reach_code_through_our_modules(tmp_path: Path) -> None:
    proof, pickled, file = tmp_path / "proof", tmp_path / "notes.txt", tmp_path / "harmful.ckpt"
    pickled.write_bytes(pickle.dumps(Payload(proof)))
    # A module of this project imports torch, but torch is not of this project.
    load = "datamodules.images.torch.load"
    noise = {"_target_": load, "f": str(pickled), "weights_only": False}
    altered(file, "run", "noise", value=noise)
    assert_refused(file, f"'{load}' is not of")
    assert not proof.exists()


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
CLAIMS = "its records claim more bytes than it has"
TWICE = "two of its records have the same name"
OUT_OF_RANGE = r"must be in \[1, 100,000\]( and not empty)?, got"


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


SETTINGS = ("data", "noise", "objective", "trainer", "early_stopping")
ANY_DICT = [("callbacks",), *(("run", name) for name in SETTINGS)]
ENTRIES: list[tuple[str | int, ...]] = [
    ("run",),
    ("run", "format_version"),
    ("run", "model"),
    ("run", "data"),
    ("run", "noise"),
    ("run", "objective"),
    ("run", "trainer"),
    ("run", "early_stopping"),
    ("run", "seed"),
    ("run", "split"),
    ("run", "run_id"),
    ("hyper_parameters",),
    ("state_dict",),
    ("epoch",),
    ("loops",),
    ("loops", "fit_loop"),
    ("loops", "fit_loop", "epoch_loop.batch_progress"),
    ("callbacks",),
    ("optimizer_states",),
    ("optimizer_states", 0, "param_groups"),
    ("optimizer_states", 0, "param_groups", 0, "weight_decay"),
    ("optimizer_states", 0, "state", 0, "exp_avg"),
    ("optimizer_states", 0, "state", 12, "momentum_buffer"),
    ("lr_schedulers",),
    ("lr_schedulers", 0, "last_epoch"),
]


def reason_for(place: tuple[str | int, ...]) -> str:
    """Return the message for a checkpoint with another value, or none, in one place."""
    match place:
        case ("run",) | ("run", "format_version"):
            return "is not a checkpoint of this project$"
        case ("run", name):
            return f"is not a checkpoint of this project: its {name} is missing or of the wrong"
        case ("hyper_parameters",) | ("state_dict",):
            absent = f"is not a checkpoint of this project: its {place[0]} is missing or of the"
            unfit = "cannot be resumed: (.*argument 'a'|its model would have)"
            return f"({absent}|{unfit}|is refused: it holds the key 3)"
        case ("optimizer_states", _, "state", *_):
            return "cannot be resumed: (its optimizer's state does not fit|.* no attribute 'shape')"
        case ("optimizer_states",) | ("lr_schedulers",):
            return f"cannot be resumed: (its {place[0]} is|not enough values to unpack)"
    return rf"cannot be resumed: its {place[0]}[\w.]* (is|has another length)"


@pytest.mark.parametrize("place", ENTRIES, ids=lambda place: ".".join(map(str, place)))
def test_what_is_missing_or_of_another_type_is_one_line(
    place: tuple[str | int, ...], tmp_path: Path
) -> None:
    file = tmp_path / "odd.ckpt"
    missing = object()
    for value in (missing, None, [], [{}], (), torch.zeros(7), {"a": 1}, {3: {"b": None}}):
        if place in ANY_DICT and isinstance(value, dict):
            continue  # the tests below have this case
        content: Any = read(small().last)
        node = content
        for key in place[:-1]:
            node = node[key]
        if value is missing:
            del node[place[-1]]
        else:
            node[place[-1]] = value
        torch.save(content, file)
        with pytest.raises(ValueError, match=rf"odd.ckpt {reason_for(place)}") as caught:
            read_resumable(file, None)
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", SETTINGS)
def test_odd_settings_are_one_line(name: str, tmp_path: Path) -> None:
    real = read(small().last)["run"][name]
    for part in ({"a": 1}, {3: 4}, {"b": torch.ones(1)}, {"_target_": 5}):
        file = altered(tmp_path / "odd.ckpt", "run", name, value=real | part)
        with pytest.raises(Exception) as caught:  # noqa: PT011
            resume_in(tmp_path / "run", file, "trainer.max_epochs=9", "trainer.logger=false")
        assert is_users_mistake(caught.value), repr(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "place",
    [
        ("loops", "fit_loop", "epoch_progress"),
        ("loops", "fit_loop", "epoch_loop.batch_progress", "total"),
        ("callbacks", "best.ckpt"),
        ("callbacks", "History"),
    ],
)
def test_a_state_that_lightning_could_not_restore_is_one_line(
    place: tuple[str, ...], tmp_path: Path
) -> None:
    file = altered(tmp_path / "odd.ckpt", *place, value={"a": 1})
    with pytest.raises(ValueError, match=r"odd.ckpt cannot be resumed: its (loops|callback)"):
        resume_in(tmp_path / "run", file, "trainer.max_epochs=9", "trainer.logger=false")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("best.ckpt", "best_model_score"), torch.ones(2)),
        (("best.ckpt", "best_model_score"), "high"),
        (("History", "rows"), [3]),
        (("History", "rows"), [{"epoch": 1, "step": "two"}]),
        (("History", "rows"), [{"step": 1}]),
        (("History", "rows"), [{"epoch": 1, "step": 1, 5: 1.0}]),
    ],
)
def test_what_the_callbacks_keep_is_checked(
    place: tuple[str, ...], value: Any, tmp_path: Path
) -> None:
    best, last = tmp_path / "best.ckpt", tmp_path / "last.ckpt"
    shutil.copy(small().best, best)
    altered(last, "callbacks", *place, value=value)
    with pytest.raises(ValueError, match=r"cannot be resumed: its (best score|history) is not"):
        resume_in(tmp_path / "run", last, "trainer.max_epochs=9", "trainer.logger=false")


@pytest.mark.parametrize("word", ["\x1b[2J", "\x07", "\r", "\ud800", "\x9b31m"])
def test_a_terminal_is_not_given_orders(word: str, tmp_path: Path) -> None:
    file = tmp_path / "odd.ckpt"
    for place in (("run", "split"), ("run", "data", "root"), ("hyper_parameters", word)):
        altered(file, *place, value=word)
        for call in (load_model, partial(score_in, tmp_path / "run")):
            with pytest.raises(ValueError, match=r"odd.ckpt is refused: it holds '") as caught:
                call(file)
            assert str(caught.value).isprintable()
    assert list(contents(tmp_path)) == ["odd.ckpt"]


def test_the_parts_of_a_noise_are_noises_of_ours_too(tmp_path: Path) -> None:
    proof, file = tmp_path / "proof", tmp_path / "harmful.ckpt"
    harmful = {"_target_": "os.mkdir", "path": str(proof)}
    gaussian = {"_target_": "datamodules.noise.Gaussian", "std": 0.5, "clip": True}
    mixed = {"_target_": "datamodules.mixed_noise.Mixed", "strength": 1.0, "clip": True}
    foreign = "'os.mkdir' is not of this project's"
    parts: list[tuple[Any, str]] = [
        ({"a": gaussian, "b": harmful}, foreign),
        ({"a": gaussian | {"std": harmful}}, foreign),
        ({"a": gaussian | {"_partial_": True}}, "it holds the key '_partial_'"),
        ({"a": gaussian | {"_target_": "datamodules.images.torch.load"}}, ".*torch.load' is not"),
        ({"a": mixed | {"parts": {"b": harmful}}}, foreign),
        ({"a": [harmful]}, foreign),
        ({"a": "${oc.env:HOME}"}, "it holds the interpolation"),
        ({"_target_": gaussian, "path": str(proof)}, "{'_target_': 'datamodules.* is not of this"),
        (harmful, foreign),
        ([gaussian, harmful], foreign),
    ]
    for value, reason in parts:
        altered(file, "run", "noise", value=mixed | {"parts": value})
        assert_refused(file, reason)
    assert os.listdir(tmp_path) == ["harmful.ckpt"]


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"_target_": "datamodules.procedural.Procedural"}, r"a\._target_=.* that makes no Noise"),
        ({"std": 0.5}, r"noise\.parts=.* should be an instance of Noise"),
    ],
)
def test_the_parts_of_a_noise_are_noises(part: Any, reason: str, tmp_path: Path) -> None:
    mixed = {"_target_": "datamodules.mixed_noise.Mixed", "strength": 1.0, "clip": True}
    file = altered(tmp_path / "odd.ckpt", "run", "noise", value=mixed | {"parts": {"a": part}})
    for call in (score_in, resume_in):
        with pytest.raises(ValueError, match=reason):
            call(tmp_path / "run", file)
