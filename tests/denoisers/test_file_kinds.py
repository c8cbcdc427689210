"""What is no checkpoint is called what it is."""

import pickle
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from denoisers.checkpoint import read_checkpoint
from tests.helpers.runs import DENSE, trained

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.pt2", "it is an export"),
        ("a.keras", "it is a model of Keras"),
        ("a.zip", "it is an archive of other files"),
        ("a.txt", "File is not a zip file"),
        ("a.png", "it is a picture"),
        ("a.pkl", "it is a pickle"),
        ("lfs.ckpt", "it is a pointer of Git LFS"),
        ("empty.ckpt", "it is empty"),
        ("a.onnx", "it is an export"),
    ],
)
def test_a_file_of_another_kind_is_named(name: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / name
    content = {"a.pkl": pickle.dumps([1]), "lfs.ckpt": LFS, "a.onnx": b"\x08\x07", "a.txt": b"text"}
    file.write_bytes(content.get(name, b""))
    archives = {"a.pt2": "x/archive_format", "a.keras": "model.weights.h5", "a.zip": "notes.txt"}
    if name in archives:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(archives[name], b"1")
    if name == "a.png":
        Image.new("L", (2, 2)).save(file)
    with pytest.raises(ValueError, match=f"{name} is damaged or not a checkpoint: {said}"):
        read_checkpoint(file)


def test_a_folder_is_told_which_file_in_it_to_give() -> None:
    run = trained(*DENSE)
    with pytest.raises(ValueError, match=r"is a folder, .* give a file such as .*best\.ckpt$"):
        read_checkpoint(run.directory)
