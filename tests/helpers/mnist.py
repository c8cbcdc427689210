"""A dataset in MNIST's format that is small and made here, and a mirror on this machine."""

import gzip
import hashlib
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from torchvision import datasets

from datamodules.mnist import MNISTFormat
from datamodules.noise import Gaussian

TRAIN, TEST = 2_000, 500  # images


def new_mnist(dataset: type[MNISTFormat], root: Path, **settings: Any) -> MNISTFormat:
    defaults: dict[str, Any] = {
        "batch_size": 1_000,
        "val_size": 5_000 if dataset is not Small else 500,
        "eval_seed": 0,
        "num_workers": 0,
        "seed": 0,
    }
    return dataset(Gaussian(std=0.5, clip=True), str(root), **defaults | settings)


def _idx(values: np.ndarray) -> bytes:
    """uint8 values in LeCun's IDX format (http://yann.lecun.com/exdb/mnist)."""
    return struct.pack(f">I{values.ndim}I", 0x800 + values.ndim, *values.shape) + values.tobytes()


def _contents() -> dict[str, bytes]:
    random = np.random.default_rng(0)
    contents = {}
    for part, count in (("train", TRAIN), ("t10k", TEST)):
        images = random.integers(256, size=(count, 28, 28), dtype=np.uint8)
        labels = np.arange(count, dtype=np.uint8) % 10
        contents[f"{part}-images-idx3-ubyte"] = _idx(images)
        contents[f"{part}-labels-idx1-ubyte"] = _idx(labels)
    return contents


def _checksums(contents: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.md5(content).hexdigest() for name, content in contents.items()}


FILES = _contents()
ARCHIVES = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in FILES.items()}


class SmallFiles(datasets.MNIST):  # type: ignore[misc]  # torchvision has no types
    """What torchvision knows of a dataset: what to download, and from where."""

    mirrors: ClassVar = ["http://127.0.0.1:9/"]  # where nothing answers
    resources: ClassVar = list(_checksums(ARCHIVES).items())


class Small(MNISTFormat):
    train_count, test_count = TRAIN, TEST
    source = SmallFiles
    class_names = tuple("0123456789")
    checksums: ClassVar = _checksums(FILES)


def raw_folder(root: Path, contents: dict[str, bytes]) -> Path:
    """Make the folder in which Small looks for files, with some in it."""
    folder = root / "SmallFiles" / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


class Mirror(ThreadingHTTPServer):
    """Serves `contents`; what it was asked for is in `requests`.

    go: while it is cleared, responses stop half-way.
    cut: responses end half-way.
    """

    def __init__(self, contents: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.contents = contents
        self.requests: list[str] = []
        self.go = threading.Event()
        self.go.set()
        self.cut = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    def handle_error(self, *parts: Any) -> None:
        """Pass over the broken pipe that a client leaves when it is killed."""


class _Handler(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        name = self.path.lstrip("/")
        self.server.requests.append(name)
        if name not in self.server.contents:
            self.send_error(404)
            return
        content = self.server.contents[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        self.wfile.flush()
        self.server.go.wait(60)
        if not self.server.cut:
            self.wfile.write(content[len(content) // 2 :])

    def log_message(self, *parts: Any) -> None:
        pass


@contextmanager
def mirror(contents: dict[str, bytes] = ARCHIVES) -> Iterator[Mirror]:
    with Mirror(contents) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.go.set()
            server.shutdown()
            thread.join()
