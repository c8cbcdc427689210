"""Commands without the seconds that each of them spends on importing torch and Lightning.

A server, one for every process of tests, imports what the commands import, but nothing of this
project. For each command it forks a process that runs the script as Python would: with the
command's own arguments, environment, working directory, output and process group.
"""

import atexit
import functools
import json
import os
import runpy
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from signal import SIGKILL

from groundwork.files import REPOSITORY
from groundwork.machine import tune_process

IMPORTS = (
    "pytorch_lightning",  # with torch and torchmetrics
    "torchvision",
    "torch.utils.tensorboard",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "skimage.restoration",
    "scipy.ndimage",
    "safetensors.torch",
    "pydantic",
    "hydra.main",
    "rich.table",
)
LONGEST = 1_000_000  # bytes of a request


class Started:
    """A command that is running.

    The libraries in it have read the variables for their threads from the tests' environment, not
    from the one given.
    """

    def __init__(
        self, script: Path, arguments: list[str], directory: Path, environment: dict[str, str]
    ) -> None:
        self.command = [str(script), *arguments]
        self.output = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.reply, theirs = socket.socketpair()
        with theirs:
            files = [theirs.fileno(), self.output.fileno(), self.errors.fileno()]
            request = json.dumps([self.command, str(directory), environment])
            socket.send_fds(_server(), [request.encode()], files)
        self.process = int(self.reply.recv(100))

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
    """The connection to the server, which ends when this process does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        subprocess.Popen(
            [sys.executable, "-m", __name__, str(theirs.fileno())],
            cwd=REPOSITORY,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    return ours


def _serve(requests: socket.socket) -> None:
    """Fork a process for each request; returns in those, and in the server exits at the end."""
    while True:
        message, files, _, _ = socket.recv_fds(requests, LONGEST, 3)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not message:
            sys.exit()
        if os.fork() == 0:
            requests.close()
            reply, output, errors = files
            if process := os.fork():
                _await(process, socket.socket(fileno=reply))
            os.close(reply)
            os.dup2(output, 1)
            os.dup2(errors, 2)
            os.close(output)
            os.close(errors)
            return _become(*json.loads(message))
        for file in files:
            os.close(file)


def _await(process: int, reply: socket.socket) -> None:
    """Tell the tests what becomes of a command's process."""
    reply.send(str(process).encode())
    _, status = os.waitpid(process, 0)
    with suppress(BrokenPipeError):
        reply.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(command: list[str], directory: str, environment: dict[str, str]) -> None:
    os.setsid()
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[:] = command
    sys.orig_argv[1:] = command


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
