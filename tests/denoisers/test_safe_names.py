"""Names in checkpoints: they lead to classes of this project, and import nothing else."""

import sys
from types import ModuleType

import pytest

from datamodules.noise import Gaussian
from denoisers.dense import Dense
from denoisers.safe_names import class_name, class_of


def test_a_class_is_found_by_its_name() -> None:
    for kind, package in ((Gaussian, "datamodules"), (Dense, "denoisers")):
        assert class_of(class_name(kind), package) is kind


@pytest.mark.parametrize(
    "name",
    [
        "datamodules.noise.Gaussian",  # of the other package
        "denoisers.dense",
        "denoisers.dense.Nothing",
        "denoisers.nothing.Nothing",
        "denoisers.dense.Dense.forward",
        "denoisers.dense.nn.Linear",
        "denoisers.base.LightningModule",
        "denoisers.checkpoint.load_model",
        "denoisers..dense.Dense",
        "denoisers.../tmp/evil.Evil",
        "denoisers",
        "Dense",
        "",
        None,
        3,
        ["denoisers.dense.Dense"],
    ],
)
def test_any_other_name_is_refused(name: object) -> None:
    with pytest.raises(ValueError, match=r"is not of this project's denoisers$"):
        class_of(name, "denoisers")


def test_a_module_is_not_asked_for_what_it_would_import(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some modules import their parts when they are asked for them."""
    asked: list[str] = []
    lazy = ModuleType("lazy")
    lazy.__getattr__ = asked.append  # type: ignore[method-assign]
    monkeypatch.setitem(sys.modules, "lazy", lazy)
    with pytest.raises(ValueError, match=r"'lazy.Model' is not of this project's denoisers"):
        class_of("lazy.Model", "denoisers")
    assert asked == []


def test_a_subclass_elsewhere_is_found_once_it_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(Gaussian):
        pass

    Own.__module__, Own.__qualname__ = "own", "Own"
    with pytest.raises(ValueError, match=r"'own.Own' is not of this project's datamodules"):
        class_of("own.Own", "datamodules")
    module = ModuleType("own")
    module.Own = Own  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "own", module)
    assert class_of("own.Own", "datamodules") is Own
    with pytest.raises(ValueError, match=r"'own.Own' is not of this project's denoisers"):
        class_of("own.Own", "denoisers")
