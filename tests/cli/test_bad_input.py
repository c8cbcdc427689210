"""A user's mistake ends with one line that names it, before anything is written."""

from pathlib import Path

import pytest
import torch

from cli import checkpoint_options
from denoisers.dense import Dense
from tests.helpers.lines import line_for
from tests.helpers.models import new_model
from tests.helpers.runs import (
    DENSE,
    OPEN,
    SPOIL,
    composite_of,
    contents,
    read,
    resume_in,
    same,
    score_in,
    train_in,
    trained,
)

SETTINGS = [
    # what is given -> what the line names
    ("noise=salt", "noise=salt: there is no such choice"),
    ("experiment=${seed}", "experiment=${seed}: Error resolving interpolation"),
    ("experiment=none", "experiment=none"),
    ("experiment=null", "experiment=null: Config group override must be a string"),
    ("noise.std=abc", "noise.std=abc"),
    ("noise.std=-1", "noise.std"),
    ("noise.std=nan", "noise.std"),
    ("noise.stdd=1", "noise.stdd"),
    ("+noise.stdd=1", "noise.stdd"),
    ("noise.std=null", "noise.std=None"),
    ("noise=mixed noise.parts.gaussian.std=abc", "noise.parts.gaussian.std=abc"),
    ("noise=mixed noise.parts.gaussian.std=-1", "noise.parts.gaussian.std must"),
    ("noise=mixed noise.parts.gausian.std=1", "noise.parts.gausian.std"),
    ("noise=mixed noise.parts.gaussian=1", "noise.parts.gaussian must be a noise"),
    ("noise=mixed noise.strength=30", "noise.strength=30: parts.salt_and_pepper.probability"),
    ("model.latent_dim=0", "model.latent_dim"),
    ("model.latent_dim=2.5", "model.latent_dim=2.5"),
    ("model.hidden=[]", "model.hidden"),
    ("model.hidden=[64,0]", "model.hidden"),
    ("model.hidden=64", "model.hidden=64"),
    ("model.loss=mae", "model.loss=mae"),
    ("model.optimizer.lr=0", "model.optimizer.lr must be finite and above 0, got 0"),
    ("model.optimizer.lr=inf", "model.optimizer.lr must be finite and above 0, got inf"),
    ("model.optimizer.lr=abc", "model.optimizer.lr=abc: should be a valid number"),
    ("model.optimizer.lr_decay=2", "model.optimizer.lr_decay must be in (0, 1], got 2"),
    ("model.optimizer.weight_decay=-1", "model.optimizer.weight_decay must be finite and at least"),
    ("model.optimizer=5", "model.optimizer=5: should have lr and schedule and lr_decay and "),
    (
        "model.optimizer.schedule=step",
        "model.optimizer.schedule=step: should be 'exponential', 'li",
    ),
    ("model.optimizer.warmup=-1", "model.optimizer.warmup must be finite and at least 0, got -1"),
    (
        "model.optimizer.schedule=linear trainer.max_epochs=-1 trainer.max_time=00:00:01:00",
        "model.optimizer.schedule=linear: the learning rate falls to 0 at the end of the run, ",
    ),
    ("model.optimizer.warmup=99", "model.optimizer.warmup=99: the run has no step after it"),
    ("~model.optimizer.lr", "model.optimizer.lr is required"),
    ("trainer.max_epochs=x", "trainer.max_epochs=x"),
    ("trainer.max_epochs=0", "trainer.max_epochs"),
    ("trainer.limit_val_batches=0", "trainer.limit_val_batches"),
    ("trainer.limit_train_batches=0", "trainer.limit_train_batches"),
    ("trainer.log_every_n_steps=0", "trainer.log_every_n_steps"),
    ("trainer.overfit_batches=1", "trainer.overfit_batches"),
    ("trainer.max_epoch=3", "trainer.max_epoch"),
    ("trainer.precision=foo", "trainer.precision=foo"),
    ("trainer.devices=2", "trainer.devices"),
    ("trainer.accelerator=abacus", "abacus"),
    pytest.param(
        "trainer.accelerator=gpu",
        "gpu",
        marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU"),
    ),
    ("compile=maybe", "compile=maybe"),
    ("seed=-1", "seed must be in [0, 4,294,967,296), got -1"),
    ("seed=x", "seed=x"),
    ("seed=null", "seed=None"),
    ("early_stopping.patience=-1", "early_stopping.patience=-1"),
    ("early_stopping.min_delta=-1", "early_stopping.min_delta=-1"),
    ("data.batch_size=0", "data.batch_size"),
    ("data.val_size=0", "data.val_size"),
    ("data.test_size=0", "test_size"),
    ("data.train_size=-5", "train_size"),
    ("data.num_workers=-1", "data.num_workers"),
    ("data.eval_seed=-1", "eval_seed"),
    ("data.data_seed=-1", "data_seed"),
    ("noise.std=[", "noise.std=["),
    ("noise.std=1e300", "noise.std must be in [0, 1,000]"),
    ("noise.std=${nope}", "noise.std: Interpolation key 'nope' not found"),
    ("noise.std=${noise.std}", "noise.std: Recursive interpolation"),
    ("noise.std='a\rb'", "noise.std=a; b: should be a valid number"),
    ("noise.std='a\x1bb'", "noise.std=a\\x1bb: should be a valid number"),
    ("noise.std={_target_:os.getcwd}", "noise.std={'_target_': 'os.getcwd'}: should be a valid n"),
    ("~noise.std", "noise.std is required"),
    ("~noise", "noise is missing: choose one"),
    ("noise=[]", "noise is missing: choose one"),
    ("~early_stopping", "early_stopping is required"),
    ("early_stopping=5", "early_stopping=5: should have patience and min_delta"),
    ("early_stopping.min_delta=inf", "early_stopping.min_delta=inf: should be a finite number"),
    ("early_stopping.min_delta=nan", "early_stopping.min_delta=nan: should be a finite number"),
    ("experiment=[0.5]", "experiment=[0.5]: argument of type 'float' is not iterable"),
    ("+model.channels.0=1", "model.channels: Dense has no such argument"),
    ("++model.hidden.x=1", "++model.hidden.x=1: invalid literal for int()"),
    ("~model.hidden.0", "~model.hidden.0: list indices must be integers"),
    ("+model.image_shape=[1,28,28]", "model.image_shape is not for the config"),
    ("+data.noise=1", "data.noise is not for the config"),
    ("+noise._partial_=true", "noise._partial_: Gaussian has no such argument"),
    ("noise._target_=os.getcwd", "noise._target_=os.getcwd: that makes no Noise"),
    ("noise._target_=datamodules.noise.Noise", "that makes no Noise"),
    ("model._target_=3", "model._target_=3: that makes no ImageModel"),
    ("model._target_=denoisers.base.Denoiser", "that makes no ImageModel"),
    ("data._target_=datamodules.noise.Gaussian", "that makes no ImageDataModule"),
    ("model.hidden=[1000000000000]", "model.hidden must be in [1, 100,000]"),
    (
        "model.hidden=[90000,90000,90000]",
        "model: to train it takes 521 GB of memory, this machine or container has",
    ),
    (f"data.train_size={10**12}", "data.train_size must be in [1, 10,000,000]"),
    (f"data.batch_size={10**12}", "data.batch_size must be in [1, 1,000,000]"),
    (f"data.num_workers={10**6}", "data.num_workers must be in [0, 256]"),
    (f"seed={2**64}", "seed must be in [0, 4,294,967,296), got"),
    ("seed=1e3", "seed=1000.0: should be a valid integer"),
    ("seed=true", "seed=True: should be a valid integer"),
    ("checkpoint=''", "checkpoint=: "),
    ("trainer.gradient_clip_val=-1", "trainer.gradient_clip_val=-1: "),
    ("trainer.max_time=abc", "trainer.max_time=abc: should be DD:HH:MM:SS"),
    ("trainer.max_time=00:10", "trainer.max_time=00:10: should be DD:HH:MM:SS, days to seconds"),
    ("trainer.max_time={hour:1}", "trainer.max_time={'hour': 1}: should be 'weeks', 'days', 'hou"),
    ("trainer.precision=64", "trainer.precision=64: should be 32, "),
    ("trainer.precision=bf16-true", "trainer.precision=bf16-true: should be 32, "),
    ("trainer.strategy=fsdp", "trainer.strategy=fsdp: should be "),
    ("trainer.strategy=ddp_spawn", "trainer.strategy=ddp"),
    (f"trainer.devices={10**12}", f"trainer.devices={10**12}: should be "),
    ("trainer.use_distributed_sampler=true", "count some images twice"),
    ("trainer.sync_batchnorm=true", "the project's layers do that themselves"),
    ("trainer.devices=[0]", "`devices` selected with `CPUAccelerator` should be an int"),
    ("trainer.num_nodes=2", "trainer.devices: only the command"),
    ("trainer.profiler=foo", "trainer.profiler=foo: "),
    ("trainer.barebones=true", "trainer.barebones=True: "),
    ("trainer.enable_checkpointing=false", "trainer.enable_checkpointing=false: "),
    ("trainer.limit_test_batches=0", "trainer.limit_test_batches=0: "),
    ("trainer.limit_train_batches=0.1", "trainer.limit_train_batches=0.1: less than one of 2 "),
    ("trainer.limit_val_batches=0.1", "trainer.limit_val_batches=0.1: less than one of 1 "),
    ("trainer.limit_test_batches=0.1", "trainer.limit_test_batches=0.1: less than one of 1 "),
    ("trainer.val_check_interval=3", "trainer.val_check_interval=3: an epoch has 2 batches"),
    ("trainer.check_val_every_n_epoch=0", "trainer.check_val_every_n_epoch=0: "),
    ("trainer.check_val_every_n_epoch=2", "trainer.check_val_every_n_epoch=2 is above trainer.m"),
    ("trainer.min_epochs=2", "trainer.min_epochs=2 is above trainer.max_epochs=1"),
    ("trainer.max_steps=0", "trainer.max_steps=0: "),
    ("trainer.accumulate_grad_batches=0", "trainer.accumulate_grad_batches must be "),
    ("trainer.logger=foo", "trainer.logger=foo: "),
    ("trainer.logger={a:1}", "trainer.logger={'a': 1}: "),
    ("trainer.logger={_target_:builtins.dict}", "trainer.logger={}: should be a valid boolean"),
    ("trainer.callbacks=[{_target_:nonsense}]", "trainer.callbacks0: Error locating target"),
    ("trainer.callbacks=[{_target_:builtins.dict}]", "trainer.callbacks=[{}"),
    ("trainer.callbacks={_target_:builtins.dict}", "trainer.callbacks must be a list"),
    ("trainer.callbacks=[3]", "trainer.callbacks=[3]: should be an instance of Callback"),
    ("trainer.plugins=foo", "trainer.plugins=foo: "),
    ("trainer.default_root_dir=/x", "trainer.default_root_dir=/x: give hydra.run.dir=… instead"),
    ("trainer.limit_predict_batches=3", "trainer.limit_predict_batches=3: nothing here predicts"),
    ("trainer.enable_autolog_hparams=true", "trainer.enable_autolog_hparams=True: train.py logs"),
    ("trainer.model_registry=x", "trainer.model_registry=x: no model is registered"),
    ("noise.std", "noise.std"),
]


@pytest.mark.parametrize(("override", "named"), SETTINGS)
def test_a_bad_setting_is_named_and_nothing_is_written(
    override: str, named: str, tmp_path: Path
) -> None:
    choice = [] if override.startswith(("model=", "+model=")) else ["model=dense"]
    run = tmp_path / "run"
    line = line_for(lambda: train_in(run, *choice, "trainer.max_epochs=1", *override.split(" ")))
    assert named in line
    assert not run.exists()


@pytest.mark.parametrize(
    ("override", "named"),
    [
        (
            "baselines=fsat",
            "baselines=fsat: should be 'none', 'fast' or 'all'; did you mean baseli",
        ),
        ("levels=[nan]", "levels=[nan]: should be a finite number"),
        ("~levels", "levels is required"),
        ("trainer.limit_test_batches=0", "trainer.limit_test_batches=0"),
        ("baselines=slow", "baselines=slow"),
        ("levels=[0.1,-0.1]", "levels=[0.1, -0.1]"),
        ("levels=0.5", "levels=0.5"),
        ("extra_metrics=ssim", "extra_metrics=ssim"),
        ("noise=dropout levels=[0.5,1.5]", "levels: at 1.5 the noise's probability must"),
        ("split=train", "split=train"),
        ("trainer.max_epochs=3", "trainer.max_epochs=3: an evaluation has no use for it"),
        ("trainer.logger=true", "trainer.logger=True: an evaluation has no use for it"),
        ("trainer.val_check_interval=0.5", "trainer.val_check_interval=0.5: an evaluation has"),
    ],
)
def test_a_bad_setting_of_an_evaluation_is_named(override: str, named: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert named in line_for(lambda: score_in(run, trained(*DENSE).best, *override.split(" ")))
    assert not run.exists()


def test_a_run_that_nothing_would_end_is_refused(tmp_path: Path) -> None:
    endless = ["trainer.max_epochs=-1", "early_stopping.patience=null"]
    line = line_for(lambda: train_in(tmp_path / "run", "model=dense", *endless))
    assert line.startswith("trainer.max_epochs=-1: nothing would end the run")


def test_a_line_stays_short_whatever_the_value(tmp_path: Path) -> None:
    line = line_for(lambda: train_in(tmp_path / "run", "model=dense", f"noise.std={'x' * 9_999}"))
    assert line.startswith("noise.std=xxx")
    assert line.endswith("xxx: should be a valid number")


def test_the_checked_network_is_the_one_that_a_seed_gives() -> None:
    """No random number is drawn to find out a network's size."""
    torch.manual_seed(0)
    built = new_model("dense")
    torch.manual_seed(0)
    made = Dense(**built.hparams)
    assert same(built.state_dict(), made.state_dict())


def test_missing_paths_are_asked_for(tmp_path: Path) -> None:
    line = line_for(lambda: train_in(tmp_path, "model=composite"))
    assert line == "model.denoiser is required: give it on the command line"
    line = line_for(lambda: checkpoint_options.score(["noise.std=0.1"]))
    assert line.startswith("checkpoint=path is required")
    missing = tmp_path / "none.ckpt"
    denoiser = trained(*DENSE).best
    line = line_for(lambda: train_in(tmp_path, *composite_of(denoiser, missing)))
    assert line == f"model.classifier: there is no checkpoint at {missing}"
    for call in (
        lambda: score_in(tmp_path, missing),
        lambda: resume_in(tmp_path, missing),
    ):
        assert f"no checkpoint at {missing}" in line_for(call)
    line = line_for(lambda: score_in(tmp_path, denoiser, f"classifier={missing}"))
    assert line == f"classifier: there is no checkpoint at {missing}"
    assert not contents(tmp_path)


def test_a_loss_that_diverges_ends_the_run_and_saves_no_weights(tmp_path: Path) -> None:
    line = line_for(lambda: train_in(tmp_path, "model=dense", "model.optimizer.lr=1e30"))
    assert "step" in line
    assert "model.optimizer.lr" in line
    assert not (tmp_path / "checkpoints").exists()


def test_a_loss_that_diverges_later_leaves_the_good_checkpoints(tmp_path: Path) -> None:
    line = line_for(
        lambda: train_in(tmp_path, "model=dense", OPEN, "trainer.max_epochs=3", SPOIL.format("nan"))
    )
    assert line.startswith("val/loss is nan in epoch 1, step 4")
    good = trained("model=dense", OPEN, "trainer.max_epochs=1")
    for ours, theirs in (("best", good.best), ("last", good.last)):
        weights = read(tmp_path / "checkpoints" / f"{ours}.ckpt")["state_dict"]
        assert same(weights, read(theirs)["state_dict"])
