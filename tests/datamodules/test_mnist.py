"""The dataset's files: damaged ones are named, and the line that says so repairs them."""

import re
import subprocess
from pathlib import Path

import pytest

from datamodules.mnist import LOCK, FashionMNIST
from tests.helpers.mnist import ARCHIVES, FILES, Mirror, Small, new_mnist, raw_folder
from tests.helpers.mnist_files import ARCHIVE, IMAGES, LABELS, PAGE, WHOLE, linked, prepare
from tests.helpers.runs import contents


def flipped(name: str, position: int) -> bytes:
    content = bytearray(WHOLE[name])
    content[position] ^= 1
    return bytes(content)


def refusal(root: Path) -> str:
    """Return the one line that a run ends with."""
    with pytest.raises(ValueError, match="is damaged") as caught:
        prepare(root)
    line = str(caught.value)
    assert "\n" not in line
    return line


def repaired(root: Path, line: str) -> None:
    """Run the command that the line names, and then the preparation again."""
    command = line.rsplit("makes it anew: ", 1)[1]
    subprocess.run(command, shell=True, check=True, cwd="/")
    prepare(root)
    found = contents(raw_folder(root, {}))
    assert {name: found[name] for name in FILES} == FILES
    assert found == {name: WHOLE[name] for name in found if name != LOCK} | {LOCK: b""}


def fewer(name: str) -> bytes:
    """Return a valid file with one image or label fewer."""
    size = 784 if "images" in name else 1
    content = FILES[name]
    count = int.from_bytes(content[4:8], "big") - 1
    return content[:4] + count.to_bytes(4, "big") + content[8:-size]


DAMAGE: dict[str, dict[str, bytes]] = {
    # the fault -> files with wrong contents
    "a wrong byte in images": {IMAGES: flipped(IMAGES, 500_000)},
    "a wrong byte in a header": {IMAGES: flipped(IMAGES, 3)},
    "a wrong last byte": {LABELS: flipped(LABELS, -1)},
    "half-extracted": {IMAGES: FILES[IMAGES][: len(FILES[IMAGES]) // 2]},
    "longer than it should be": {LABELS: FILES[LABELS] + b"\0"},
    "an empty file": {LABELS: b""},
    "a page": {LABELS: PAGE},
    "one label less than images": {LABELS: fewer(LABELS)},
    "one image less than labels": {IMAGES: fewer(IMAGES)},
    "labels as images": {IMAGES: FILES["train-labels-idx1-ubyte"]},
    "not extracted": {IMAGES: ARCHIVES[f"{IMAGES}.gz"]},
    "the splits swapped": {
        name: FILES[name.replace(*swap)]
        for swap in (("train", "t10k"), ("t10k", "train"))
        for name in FILES
        if name.startswith(swap[0])
    },
    "two files damaged": {IMAGES: b"", LABELS: PAGE},
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("wrong", DAMAGE.values(), ids=DAMAGE)
def test_damaged_files_are_named_and_the_line_repairs_them(
    wrong: dict[str, bytes], packed: bool, tmp_path: Path, server: Mirror
) -> None:
    root = tmp_path / "it's my data"
    folder = raw_folder(root, FILES | (ARCHIVES if packed else {}) | wrong)
    line = refusal(root)
    for name in FILES:
        assert (f"{folder / name} is damaged" in line) == (name in wrong)
    assert contents(folder) == FILES | (ARCHIVES if packed else {}) | wrong
    repaired(root, line)
    assert sorted(server.requests) == sorted([] if packed else [f"{name}.gz" for name in wrong])


@pytest.mark.parametrize(
    "wrong",
    [PAGE, b"", flipped(ARCHIVE, 9), ARCHIVES[ARCHIVE][:-1], ARCHIVES[f"{LABELS}.gz"]],
    ids=["page", "empty", "byte", "half", "other"],
)
@pytest.mark.parametrize("file", [{}, {IMAGES: PAGE}], ids=["missing", "damaged"])
def test_a_damaged_archive_that_is_needed_is_named_and_the_line_repairs_it(
    wrong: bytes, file: dict[str, bytes], tmp_path: Path, server: Mirror
) -> None:
    folder = raw_folder(tmp_path, ARCHIVES | file | {ARCHIVE: wrong})
    line = refusal(tmp_path)
    assert f"{folder / ARCHIVE} is damaged" in line
    assert (f"{folder / IMAGES} is damaged" in line) == bool(file)
    repaired(tmp_path, line)
    assert server.requests == [ARCHIVE]


def test_a_damaged_archive_that_is_not_needed_stops_nothing(tmp_path: Path, server: Mirror) -> None:
    wrong = dict.fromkeys(ARCHIVES, PAGE)
    folder = raw_folder(tmp_path, FILES | wrong)
    prepare(tmp_path)
    assert contents(folder) == FILES | wrong
    assert server.requests == []


@pytest.mark.parametrize("name", [LABELS, f"{LABELS}.gz"])
def test_a_directory_in_a_files_place_is_named_and_the_line_repairs_it(
    name: str, tmp_path: Path, server: Mirror
) -> None:
    folder = raw_folder(tmp_path, {n: c for n, c in WHOLE.items() if not n.startswith(LABELS)})
    (folder / name / "inner").mkdir(parents=True)
    line = refusal(tmp_path)
    assert f"{folder / name} is damaged (it is not a file)" in line
    repaired(tmp_path, line)


def test_swapped_files_are_said_to_be_each_other(tmp_path: Path) -> None:
    labels = "train-labels-idx1-ubyte"
    folder = raw_folder(tmp_path, FILES | {LABELS: FILES[labels], labels: FILES[LABELS]})
    line = refusal(tmp_path)
    assert f"{folder / labels} is damaged (it is {LABELS})" in line
    assert f"{folder / LABELS} is damaged (it is {labels})" in line


def test_no_byte_may_be_wrong(tmp_path: Path) -> None:
    """The test changes each byte of the headers, and some twenty more of each file."""
    folder = raw_folder(tmp_path, FILES)
    data = new_mnist(Small, tmp_path)
    for name, content in FILES.items():
        for position in (*range(16), *range(16, len(content), len(content) // 20)):
            (folder / name).write_bytes(flipped(name, position))
            with pytest.raises(ValueError, match=rf"{name} is damaged"):
                data.prepare_data()
        (folder / name).write_bytes(content)
    data.prepare_data()


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_a_flipped_byte_of_fashion_mnist_is_found_and_its_file_named(
    fashion_mnist_root: Path, tmp_path: Path, name: str, suffix: str
) -> None:
    new_mnist(FashionMNIST, fashion_mnist_root).prepare_data()
    raw = linked(fashion_mnist_root, tmp_path, suffix)
    file = raw / f"{name}{suffix}"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()
    file.write_bytes(content)
    with pytest.raises(ValueError, match=rf"^{re.escape(str(file))} is damaged"):
        new_mnist(FashionMNIST, tmp_path).prepare_data()
    if suffix:
        assert not (raw / name).exists()
