"""Any override of the project's own keys ends in a run, or in one line that names it.

The commands run up to construction: data, model, and the trainer with all its callbacks are made
from the config, and no data is read.
"""

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import seed_everything

import evaluation.settings
import train
import training.settings
from cli import checkpoint_options
from cli.config import build
from cli.messages import is_users_mistake, one_line
from denoisers.checkpoint import load_model
from denoisers.resuming import read_resumable
from evaluation.classifiers import task_models
from groundwork.environment import isolated
from tests.helpers.runs import DENSE, OPEN, ROOT, compose, composite, trained

CONF = ROOT / "conf"
GROUPS = ("data", "experiment", "model", "noise", "trainer")

Construct = Callable[[DictConfig, Path], None]
Known = dict[str, list[str]]  # keys, each with values that are right for it


def construct_training(cfg: DictConfig, directory: Path) -> None:
    """Do what train.py does before it reads data."""
    training.settings.check_settings(cfg)
    with isolated():
        seed_everything(cfg.seed, verbose=False)
        if cfg.checkpoint:
            read_resumable(cfg.checkpoint, cfg.trainer.max_epochs)
        data = build(cfg.data, "data", noise=build(cfg.noise, "noise"))
        training.settings.check_batches(cfg.trainer, data)
        model = build(
            cfg.model, "model", image_shape=data.image_shape, num_classes=data.num_classes
        )
        train.make_trainer(cfg, directory, model, cfg.checkpoint, {}, [])


def construct_evaluation(cfg: DictConfig, directory: Path) -> None:
    """Do what eval.py does before it reads data."""
    evaluation.settings.check_settings(cfg)
    with isolated():
        model, _ = load_model(cfg.checkpoint)
        data = build(cfg.data, "data", noise=build(cfg.noise, "noise"))
        task_models(cfg, model, data)
        build(
            cfg.trainer,
            "trainer",
            logger=False,
            callbacks=[],
            default_root_dir=directory,
            enable_checkpointing=False,
        )


def options(group: str) -> list[str]:
    return [path.stem for path in sorted((CONF / group).glob("*.yaml"))]


def settings_of(node: Any, above: str = "") -> Iterator[tuple[str, str]]:
    """Yield every dotted key of a plain config, also of nodes, with its value as one types it."""
    for name, value in node.items():
        if isinstance(value, dict):
            yield f"{above}{name}", "{}"
            yield from settings_of(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", "null" if value is None else str(value).replace(" ", "")


def all_settings(name: str, *groups: str) -> Known:
    """Return the keys and values that a config has with any of its choices in some groups."""
    found = {group: options(group) for group in GROUPS}
    default: Any = OmegaConf.to_container(compose(name))
    for group in groups:
        for option in options(group):
            if (name, option) == ("eval", "noisy_folder"):  # which is for training alone
                continue
            node: Any = OmegaConf.load(CONF / group / f"{option}.yaml")
            # Composing takes long, and is needed where an option chooses those of other groups too.
            if "defaults" in node:
                config: Any = OmegaConf.to_container(compose(name, f"{group}={option}"))
            else:
                config = default | {group: OmegaConf.to_container(node)}
            for key, value in settings_of(config):
                found.setdefault(key, []).append(value)
    return found


# What the command line can hold: it has no NUL.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.one_of(
    st.integers(-3, 40),
    st.sampled_from([2**31, 2**32, 2**63, 2**64, 10**6, 10**12, 10**40, 10**400]),
    st.sampled_from([-(2**31), -(2**64), -(10**400)]),
    st.floats(),
    st.floats(0, 1),
    st.sampled_from([1e-320, 1e300]),
).map(str) | st.sampled_from(["1e309", "-1e309", "1_000", "0x10", "007", ".5", "1.", "1e3"])
WORDS = """
null true false ??? inf nan auto all cpu gpu 16-mixed 16-true ddp fsdp none fast mse l1 bce
optimal learned noisy clean test val . .. / data /dev/null /proc $HOME ~ 00:00:01:00 1:2
${seed} ${nope} ${noise} ${noise.std} ${oc.env:HOME} ${oc.env:NOPE} ${now:%Y} ${model.optimizer.lr}
${trainer} ${hydra:job.num} ${ ${} ${.} ${a:b} choice(1,2) range(3) 1,2 int(3) str(1)
{_target_:nonsense} {_target_:builtins.dict} [{_target_:builtins.dict}] [{_target_:int},3]
{_target_:pytorch_lightning.callbacks.Timer} [{_target_:pytorch_lightning.callbacks.Timer}]
{_target_:datamodules.noise.Gaussian,std:1,clip:true} {_partial_:true} {seconds:1}
{_target_:pytorch_lightning.profilers.SimpleProfiler} datamodules.noise.Gaussian
datamodules.noise.Noise denoisers.base.Denoiser denoisers.vae.VAE builtins.dict
datamodules.images.ImageDataModule pytorch_lightning.Trainer {} [] [[]] {a:{b:c}}
"""
QUOTED = TEXT.map(lambda text: "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'")
PLAIN = NUMBERS | st.sampled_from(WORDS.split()) | QUOTED | TEXT
VALUES = st.one_of(
    PLAIN,
    NUMBERS,
    st.lists(PLAIN, max_size=3).map(lambda values: f"[{','.join(values)}]"),
    st.dictionaries(st.sampled_from(["a", "std", "_target_", "days"]), PLAIN, max_size=2).map(
        lambda values: "{" + ",".join(f"{key}:{value}" for key, value in values.items()) + "}"
    ),
)


LIKELY = st.integers(0, 40) | st.floats(0, 1) | st.sampled_from(["null", "true", "false"])


@st.composite
def overrides(draw: st.DrawFn, known: Known) -> str:
    key = draw(st.sampled_from(sorted(known)))
    right = st.sampled_from(known[key])
    value = draw(st.one_of(right, right, LIKELY, VALUES))
    forms = [f"{key}={value}"] * 50
    forms += [f"+{key}={value}", f"++{key}={value}", f"~{key}", f"~{key}={value}"]
    forms += [f"{key}@a.b={value}", f"+{key}@a.b={value}", f"{key}.x={value}", f"++{key}.0={value}"]
    at = draw(st.integers(0, len(key) - 1))
    wrong = key[:at] + key[at + 1 :]
    forms += [f"{wrong}={value}", f"+{wrong}={value}", f"~{wrong}"]
    return draw(st.sampled_from(forms))


def refusal(construct: Construct, name: str, *words: str) -> str | None:
    """Return the line that a command ends with, or None if it would go on to read data."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            construct(compose(name, *words), Path(directory))
        except Exception as error:
            if not is_users_mistake(error):
                raise
            return one_line(error)
    return None


def names_one(line: str, words: list[str]) -> bool:
    """Say whether a line has the key of one of the overrides, or a node that the key is in."""
    for word in words:
        names = re.split("[=@]", word)[0].lstrip("+~").split(".")
        above = (".".join(names[:depth]) for depth in range(1, len(names) + 1))
        if names[-1] in line or any(node in line for node in above):
            return True
    return False


def fuzz(construct: Construct, name: str, bases: list[list[str]], known: Known, long: bool) -> None:
    """Try many command lines, each of them one of `bases` with one to three overrides.

    Args:
        construct: What the command does before it reads data.
        name: The command.
        bases: Overrides that are right.
        known: Keys, and values that are right for them.
        long: Try thousands, other ones each time, instead of a few that are always the same.
    """
    tried: Counter[str] = Counter()

    @settings(
        max_examples=5_000 if long else 100,
        derandomize=not long,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(bases), st.lists(overrides(known), min_size=1, max_size=3))
    def try_one(base: list[str], words: list[str]) -> None:
        line = refusal(construct, name, *base, "trainer.accelerator=cpu", *words)
        tried["built" if line is None else "refused"] += 1
        if line is not None:
            assert line.isprintable()
            assert len(line) < 500
            assert names_one(line, words), line

    try_one()
    print(f"{name}: {dict(tried)}")  # for pytest -rP
    assert min(tried["built"], tried["refused"]) > 0.05 * tried.total()


@pytest.mark.parametrize(
    "words",
    [
        ["early_stopping.patience=5"],
        # Early stopping ends it.
        ["trainer.max_epochs=-1", "early_stopping.patience=5", OPEN],
        ["trainer.max_epochs=-1", "trainer.max_steps=3"],
        ["trainer.max_time=00:01:00:00", "trainer.max_epochs=null"],
        ["trainer.max_time={hours:1}"],
        ["trainer.val_check_interval=0.5"],
        ["trainer.val_check_interval=430", "data=fashion_mnist"],  # all that an epoch has
        ["trainer.val_check_interval=431", "trainer.check_val_every_n_epoch=null"],
        ["trainer.devices=auto", "trainer.precision=bf16", "trainer.fast_dev_run=true"],
        ["trainer.callbacks=[{_target_:pytorch_lightning.callbacks.Timer}]"],
        ["trainer.profiler={_target_:pytorch_lightning.profilers.SimpleProfiler}"],
        ["trainer.gradient_clip_val=0.5", "trainer.gradient_clip_algorithm=norm"],
    ],
)
def test_what_is_unusual_but_right_is_built(words: list[str]) -> None:
    assert refusal(construct_training, "train", "model=dense", *words) is None


def test_any_override_of_training_is_built_or_refused(request: pytest.FixtureRequest) -> None:
    bases = [[f"model={model}"] for model in options("model") if model != "composite"]
    known = all_settings("train", "data", "noise", "model", "trainer")
    long = request.config.getoption("--long", default=False)
    fuzz(construct_training, "train", [*bases, list(composite())], known, long)


def test_any_override_of_an_evaluation_is_built_or_refused(request: pytest.FixtureRequest) -> None:
    base = [f"checkpoint={trained(*DENSE).best}"]
    checkpoint_options.score(base)
    known = all_settings("eval", "data", "noise")
    long = request.config.getoption("--long", default=False)
    fuzz(construct_evaluation, "eval", [base], known, long)
