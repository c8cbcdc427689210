"""Every config in conf/ composes, fits its constructor, and trains."""

import inspect
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning
import torch
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf

import train
from cli.config import build, plain
from datamodules.sampling import Draw
from denoisers.base import ImageModel
from groundwork.seeding import generator
from tests.helpers.runs import CPU, ROOT, SIZES, TINY, Run, compose, composite, data_of
from training.set_objective import set_objective

CONF = ROOT / "conf"
GIVEN = {"self", "noise", "image_shape", "num_classes"}  # arguments that no config knows


def options(*groups: str) -> list[tuple[str, str]]:
    return [
        (group, path.stem) for group in groups for path in sorted((CONF / group).glob("*.yaml"))
    ]


def node_of(group: str, option: str) -> DictConfig:
    node = OmegaConf.load(CONF / group / f"{option}.yaml")
    assert isinstance(node, DictConfig)
    node.pop("defaults", None)  # other groups that a choice sets
    return node


def overrides_for(group: str, option: str, request: pytest.FixtureRequest) -> list[str]:
    """Overrides that make a choice small enough for a test and give it the files that it needs."""
    overrides = [f"{group}={option}", *CPU]
    if group != "data":
        overrides += ["data=procedural"]
    if group != "data":
        overrides += SIZES
    else:
        keys = {f"data.{key!s}" for key in node_of(group, option)}
        overrides += [size for size in SIZES if size.partition("=")[0] in keys]
    if group == "data" and node_of(group, option).keys() >= {"root"}:  # also one that is required
        overrides += [f"data.root={request.getfixturevalue(f'{option}_root')}"]
    if (group, option) == ("data", "dead_leaves"):
        overrides += ["data.pictures=1"]
    if group == "objective":
        overrides += ["noise.clip=false"]
    if (group, option) == ("objective", "structn2v"):
        overrides += ["objective.reach=[0,1]"]
    if (group, option) == ("model", "composite"):
        overrides += [*composite()[1:], "model.finetune=true"]
    return overrides


@pytest.mark.parametrize(("group", "option"), options("model", "noise", "objective", "data"))
def test_every_choice_trains_a_batch(
    group: str, option: str, request: pytest.FixtureRequest
) -> None:
    cfg = compose("train", *overrides_for(group, option, request))
    assert cfg[group]["_target_"] == node_of(group, option)["_target_"]
    data = data_of(cfg, "fit")
    model: ImageModel = build(
        cfg.model, "model", image_shape=data.image_shape, num_classes=data.num_classes
    )
    set_objective(cfg.objective, model, data)
    batch = data.on_after_batch_transfer(Draw("train", 0, 0, torch.arange(32)), 0)
    assert data.noise.level == 0 or (batch.noisy - batch.clean).abs().max() > 0.1
    before = [parameter.detach().clone() for parameter in model.parameters()]
    optimizer = model.configure_optimizers()["optimizer"]
    loss = model.train().training_loss_of(batch, generator("cpu", "test")).terms["loss"]
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    assert torch.isfinite(loss)
    assert not any(map(torch.equal, before, model.parameters()))


# Noisy pictures have a test of their own: tests/datamodules/test_noisy_folder.py.
@pytest.mark.parametrize(
    "name", sorted({option for _, option in options("experiment")} - {"adapt", "noisy_pictures"})
)
def test_every_experiment_trains(name: str, tmp_path: Path) -> None:
    chosen = [f"experiment={name}", "trainer.max_epochs=1", "trainer.limit_train_batches=1"]
    cfg = compose("train", *TINY, *chosen)
    for key in OmegaConf.missing_keys(cfg.model):
        cfg.model[key] = dict(words.split("=") for words in composite()[1:])[f"model.{key}"]
    run = Run(tmp_path, train.train(cfg, tmp_path))
    assert len(run.history) == 1
    assert run.best.is_file()
    assert run.metrics["validation"] == pytest.approx(
        {n[4:]: value for n, value in run.history[0].items() if n.startswith("val/")}
    )


@pytest.mark.parametrize("option", [option for _, option in options("trainer")])
def test_trainer_config_lists_lightnings_arguments(option: str) -> None:
    cfg = compose("train", f"trainer={option}")
    arguments = inspect.signature(pytorch_lightning.Trainer).parameters
    assert cfg.trainer.keys() - {"_target_"} == arguments.keys() - {"self"}


@pytest.mark.parametrize(
    ("option", "kind"), [("cpu", "cpu"), ("auto", None), ("gpu", "cuda"), ("ddp", None)]
)
def test_trainer_config_chooses_the_device(option: str, kind: str | None) -> None:
    kind = kind or ("cuda" if torch.cuda.is_available() else "cpu")
    if kind == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU")
    trainer: Any = build(compose("train", f"trainer={option}").trainer, "trainer", logger=False)
    assert trainer.strategy.root_device.type == kind
    assert trainer.max_epochs == plain(node_of("trainer", "default"))["max_epochs"]


@pytest.mark.parametrize(("group", "option"), options("model", "noise", "objective", "data"))
def test_a_configs_keys_are_its_constructors_arguments(group: str, option: str) -> None:
    node = node_of(group, option)
    arguments = inspect.signature(get_object(node["_target_"])).parameters.keys()
    assert node.keys() - {"_target_"} == arguments - GIVEN


@pytest.mark.parametrize(("group", "option"), options("model", "noise", "objective", "data"))
def test_no_constructor_has_defaults(group: str, option: str) -> None:
    target = get_object(node_of(group, option)["_target_"])
    ours = [
        part
        for part in (inspect.getmro(target) if inspect.isclass(target) else [target])
        if part.__module__.partition(".")[0] in ("denoisers", "datamodules")
    ]
    assert ours
    for part in ours:
        for argument in inspect.signature(part).parameters.values():
            assert argument.default is argument.empty, f"{part.__name__}: {argument}"
