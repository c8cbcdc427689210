"""Recognises files that were given in place of a checkpoint, by their first bytes."""

import zipfile
from typing import BinaryIO

KINDS = {
    b"\x89HDF": "it is an HDF5 file, as Keras writes",
    b"\x89PNG": "it is a picture",
    b"\xff\xd8\xff": "it is a picture",
    b"version https://git-lfs": "it is a pointer of Git LFS: `git lfs pull` fetches the file",
    b"\x80": "it is a pickle, which is not opened: it could run code",
}
EXPORT = "it is an export: give the checkpoint that it was made from"
LONGEST = max(map(len, KINDS))


def kind_of(file: BinaryIO, suffix: str) -> str | None:
    """Say what a file is.

    Args:
        file: The file, at any position.
        suffix: The end of its name.

    Returns:
        A sentence, or None for what may be a checkpoint.
    """
    file.seek(0)
    begin = file.read(LONGEST)
    if not begin:
        return "it is empty"
    if suffix == ".onnx":
        return EXPORT
    if begin.startswith(b"PK"):
        return _kind_of_archive(file)
    return next((kind for start, kind in KINDS.items() if begin.startswith(start)), None)


def _kind_of_archive(file: BinaryIO) -> str | None:
    try:
        with zipfile.ZipFile(file) as archive:
            names = {name.rpartition("/")[2] for name in archive.namelist()}
    except Exception:  # damaged: reading it as a checkpoint will say so
        return None
    if "archive_format" in names:
        return EXPORT
    if "model.weights.h5" in names:
        return "it is a model of Keras"
    if "data.pkl" not in names:
        return "it is an archive of other files"
    return "it is TorchScript" if "constants.pkl" in names else None
