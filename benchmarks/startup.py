"""Seconds until `--help`, until a refusal, and until the first training step has ended."""

import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from typing import Any

from groundwork.files import REPOSITORY

FIRST_STEP = "trainer.callbacks=[{_target_:benchmarks.first_step.FirstStep}]"


def measure(count: int) -> dict[str, Any]:
    """Measure the seconds of each command in each round, and those of its imports."""
    with tempfile.TemporaryDirectory() as folder:
        commands = {
            "help": ["--help"],
            "refused": ["model=vea"],
            "first step": [FIRST_STEP, f"hydra.run.dir={folder}/{{}}"],
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for number in range(count + 1):  # the first round fills the file cache
            for name, arguments in commands.items():
                given = [argument.replace("{}", str(number)) for argument in arguments]
                start = time.perf_counter()
                _run([], given)
                if number > 0:
                    seconds[name].append(time.perf_counter() - start)
        imports = {
            name: _imports([argument.replace("{}", "imports") for argument in arguments])
            for name, arguments in commands.items()
        }
    return {"seconds": seconds, "imports": imports}


def _run(options: list[str], arguments: list[str]) -> str:
    command = [sys.executable, *options, "train.py", *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return done.stderr


def _imports(arguments: list[str]) -> dict[str, float]:
    """Measure the seconds that a command spends importing each package, longest first."""
    seconds: dict[str, float] = defaultdict(float)
    for line in _run(["-X", "importtime"], arguments).splitlines():
        if line.startswith("import time:") and "self [us]" not in line:
            own, _, name = line.removeprefix("import time:").split("|")
            seconds[name.strip().partition(".")[0]] += int(own) / 1e6
    most = sorted(seconds, key=lambda name: -seconds[name])
    return {name: round(seconds[name], 3) for name in most[:12]}
