"""What a checkpoint may name and hold: it is checked once, when the file is read."""

import importlib
import re
import sys
from typing import Any, TypeVar

from denoisers.base import ImageModel

# The package that the `_target_`s in each of a run's settings are from.
PACKAGES = {"data": "datamodules", "noise": "datamodules", "objective": "denoisers"}
TRAINER = "pytorch_lightning.Trainer"
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # a terminal obeys some of them
Kind = TypeVar("Kind")


def class_name(model: type) -> str:
    """The dotted name under which a checkpoint knows a class."""
    return f"{model.__module__}.{model.__qualname__}"


def class_of(name: Any, package: str) -> type:
    """The class of this project that a checkpoint names.

    That a name begins with the package is not enough: `denoisers.base.torch.load` does, too.
    A subclass that a user has written may be defined elsewhere, if the program has imported it
    already: no foreign module is imported because a checkpoint names it.

    Raises:
        ValueError: The name is anything else.
    """
    parts = name.split(".") if isinstance(name, str) else []
    found = None
    if len(parts) > 1 and all(map(str.isidentifier, parts)):
        module = _module(".".join(parts[:-1]), own=parts[0] == package)
        found = vars(module).get(parts[-1]) if module else None  # `getattr` may import more
    if isinstance(found, type) and class_name(found) == name and _is_of(found, package):
        return found
    raise _foreign(name, package)


def _module(name: str, own: bool) -> Any:
    if not own:
        return sys.modules.get(name)
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _is_of(found: type, package: str) -> bool:
    return any(base.__module__.partition(".")[0] == package for base in found.__mro__)


def _foreign(name: Any, package: str) -> ValueError:
    return ValueError(f"{name!r:.80} is not of this project's {package}")


def resolve(name: Any, kind: type[Kind]) -> type[Kind]:
    """The class of a dotted name from a checkpoint.

    Raises:
        ValueError: It is not a subclass of `kind`, or not one that `class_of` finds.
    """
    package = kind.__module__.partition(".")[0]
    found = class_of(name, package)
    if not issubclass(found, kind):
        raise _foreign(name, package)
    return found


def require_harmless(run: dict[str, Any], arguments: dict[str, Any]) -> None:
    """Check all that Hydra, a constructor or a terminal may later be given from a checkpoint.

    Args:
        run: The entry "run", with all its parts.
        arguments: The entry "hyper_parameters".

    Raises:
        ValueError: They name code that is not of this project, or hold something else than plain
            values and printable text.
    """
    resolve(run["model"], ImageModel)
    trainer = dict(run["trainer"])
    if (target := trainer.pop("_target_", None)) != TRAINER:
        raise ValueError(f"{target!r:.80} is not Lightning's Trainer")
    for name, package in PACKAGES.items():
        class_of(run[name].get("_target_"), package)
        _require_plain(run[name], package)
    for calibration in run.get("intervals", ()):
        class_of(calibration["noise"].get("_target_"), PACKAGES["noise"])
        _require_plain(calibration, PACKAGES["noise"])
    others = {n: value for n, value in run.items() if n not in (*PACKAGES, "intervals")}
    _require_plain(others | {"trainer": trainer, "hyper_parameters": arguments}, None)


def _require_plain(value: Any, package: str | None) -> None:
    """Check a value and all its parts, which may name classes of a package; those of None none."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key == "_target_" and package:
                class_of(part, package)
            elif not isinstance(key, str) or key.startswith("_"):  # `_partial_`, `_args_`, …
                raise ValueError(f"it holds the key {key!r:.80}")
            else:
                _require_plain(key, None)
                _require_plain(part, package)
    elif isinstance(value, list | tuple):
        for part in value:
            _require_plain(part, package)
    elif isinstance(value, str):
        if "${" in value:
            raise ValueError(f"it holds the interpolation {value!r:.80}")
        if UNPRINTABLE.search(value):
            raise ValueError(f"it holds {value!r:.80}")
    elif not isinstance(value, int | float | None):
        raise ValueError(f"it holds a {type(value).__name__}")
