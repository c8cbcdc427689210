"""What a file is that was given for a checkpoint and is none, by its first bytes."""

from pathlib import Path

KINDS = {
    b"\x89HDF": "it is an HDF5 file, as Keras writes",
    b"\x89PNG": "it is a picture",
    b"\xff\xd8\xff": "it is a picture",
    b"version https://git-lfs": "it is a pointer of Git LFS: `git lfs pull` fetches the file",
    b"\x80": "it is a pickle, which is not opened: it could run code",
}
LONGEST = max(map(len, KINDS))


def kind_of(path: Path) -> str | None:
    """A sentence about the file; None for what may be an archive of torch.save."""
    with path.open("rb") as file:
        begin = file.read(LONGEST)
    if not begin:
        return "it is empty"
    if path.suffix == ".onnx":
        return "it is an export: give the checkpoint that it was made from"
    if begin[8:9] == b"{":
        return (
            "it is a safetensors file, which has the weights alone; in a run's directory "
            "best.ckpt beside it is the checkpoint"
        )
    return next((kind for start, kind in KINDS.items() if begin.startswith(start)), None)
