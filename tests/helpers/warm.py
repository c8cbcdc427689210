"""Commands without the seconds that each of them spends on importing torch and Lightning.

A server, which all processes of the tests share, imports what the commands import, but nothing of
this project. For each command it forks a process that runs the script as Python would: with the
command's own arguments, environment, working directory, output and process group.
"""

import atexit
import fcntl
import functools
import gc
import io
import json
import os
import runpy
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from signal import SIGINT, SIGKILL, default_int_handler, signal

from filelock import FileLock

from groundwork.files import REPOSITORY
from groundwork.machine import tune_process
from tests.helpers.shared import shared_folder

IMPORTS = (
    "pytorch_lightning",  # with torch and torchmetrics
    "torchvision",
    "torch.utils.tensorboard",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "skimage.restoration",
    "scipy.ndimage",
    "skimage.color",
    "pywt",
    "safetensors.torch",
    "pydantic.types",
    "filelock",
    "hydra.main",
    "rich.table",
    "pytest",  # which the tests themselves import, as do all below
    "tensorboard.backend.event_processing.event_accumulator",
)
LONGEST, MOST_FILES = 1_000_000, 8  # bytes of a request, and file descriptors with it
UNUSED = 500  # file descriptors from here on


class Started:
    """A command that is running. It is killed when nobody holds this any more.

    The libraries in it have read the variables for their threads from the tests' environment, not
    from the one given.

    Args:
        output: A file descriptor for what it prints, in place of a file that `wait` reads.
        errors: The same for stderr.
        inherited: File descriptors that it has under the same numbers, as with `pass_fds`.
    """

    def __init__(
        self,
        script: Path,
        arguments: list[str],
        directory: Path,
        environment: dict[str, str],
        output: int | None = None,
        errors: int | None = None,
        inherited: Sequence[int] = (),
    ) -> None:
        self.command = [str(script), *arguments]
        self.output = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.reply, theirs = socket.socketpair()
        with theirs:
            files = [
                theirs.fileno(),
                self.output.fileno() if output is None else output,
                self.errors.fileno() if errors is None else errors,
                *inherited,
            ]
            request = json.dumps([[*inherited], self.command, str(directory), environment])
            socket.send_fds(_server(), [request.encode()], files)
        self.process = int(self.reply.recv(100))

    def is_running(self, seconds: float = 0) -> bool:
        """Say whether it has not ended within so many seconds from now."""
        ended, _, _ = select.select([self.reply], [], [], seconds)
        return not ended

    def wait(self, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        self.reply.settimeout(seconds)
        try:
            status = int(self.reply.recv(100))
        except TimeoutError:
            os.killpg(self.process, SIGKILL)
            raise
        texts = []
        for file in (self.output, self.errors):
            file.seek(0)
            texts.append(file.read())
            file.close()
        self.reply.close()
        return subprocess.CompletedProcess(self.command, status, *texts)


@functools.cache
def _server() -> socket.socket:
    """Return a connection to the server, which ends with the last of its connections."""
    folder = shared_folder()
    address = f"\0{folder.name}"  # no file, and free again when the server has ended
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with FileLock(folder / "server.lock"):
        try:
            connection.connect(address)
        except ConnectionRefusedError:
            _start_server(address)
            connection.connect(address)
    return connection


def _start_server(address: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(address)
        listener.listen()
        subprocess.Popen(
            [sys.executable, "-m", __name__, str(listener.fileno())],
            cwd=REPOSITORY,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
        )


def _serve(listener: socket.socket) -> None:
    """Fork a process for each request; returns in those, and in the server exits at the end."""
    connections = [listener.accept()[0]]
    while connections:
        ready, _, _ = select.select([listener, *connections], [], [])
        if listener in ready:
            connections.append(listener.accept()[0])
            continue
        message, files, _, _ = socket.recv_fds(ready[0], LONGEST, MOST_FILES)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not message:
            connections.remove(ready[0])
            ready[0].close()
        elif os.fork() == 0:
            for mine in (listener, *connections):
                mine.close()
            if process := os.fork():
                for file in files[1:]:
                    os.close(file)
                _await(process, socket.socket(fileno=files[0]))
            inherited, *command = json.loads(message)
            os.close(files[0])
            _renumber(files[1:], [1, 2, *inherited])
            return _become(*command)
        for file in files:
            os.close(file)
    sys.exit()


def _await(process: int, reply: socket.socket) -> None:
    """Tell the tests what becomes of a command's process, and kill it if they no longer care."""
    with suppress(BrokenPipeError):
        reply.send(str(process).encode())
    ended = os.pidfd_open(process)
    ready, _, _ = select.select([reply.fileno(), ended], [], [])
    if ended not in ready:
        with suppress(ProcessLookupError):  # it has no group of its own yet
            os.killpg(process, SIGKILL)
        os.kill(process, SIGKILL)
    _, status = os.waitpid(process, 0)
    with suppress(BrokenPipeError):
        reply.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _renumber(files: list[int], numbers: list[int]) -> None:
    """Give file descriptors other numbers, which some of them may have."""
    copies = [fcntl.fcntl(file, fcntl.F_DUPFD, UNUSED) for file in files]
    for file in files:
        os.close(file)
    for copy, number in zip(copies, numbers, strict=True):
        os.dup2(copy, number)
        os.close(copy)


def _become(command: list[str], directory: str, environment: dict[str, str]) -> None:
    os.setsid()
    signal(SIGINT, default_int_handler)  # a shell lets jobs in its background ignore it
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[:] = command
    sys.orig_argv[1:] = command
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=os.isatty(1))


def _main() -> None:
    status = [0]

    def end() -> None:
        """End without the seconds that Python takes to free all memory."""
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status[0])

    atexit.register(end)  # the first to be registered is the last to be called
    tune_process()  # as a command does before it imports torch
    for name in IMPORTS:
        import_module(name)
    gc.collect()
    gc.freeze()  # so that no collection touches, and copies, what the commands share
    _serve(socket.socket(fileno=int(sys.argv[1])))
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as exit:
        status[0] = exit.code if isinstance(exit.code, int) else int(exit.code is not None)
        raise
    except BaseException:
        status[0] = 1
        raise


if __name__ == "__main__":
    _main()
