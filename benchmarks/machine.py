"""The machine that readings are of."""

import platform
from pathlib import Path


def machine() -> dict[str, str]:
    """Return the processor's name and Python's version."""
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(": ")[2] if names else ""
    return {"processor": model or platform.processor(), "python": platform.python_version()}
