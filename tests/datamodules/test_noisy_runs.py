"""Runs on noisy pictures: what chooses the epoch, and what is said of the result."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hydra.errors import ConfigCompositionException

from cli import checkpoint_options
from denoisers.checkpoint import load_model
from estimation.stabilising import estimate_growing, evening_of
from tests.helpers.lines import line_for
from tests.helpers.noisy_folder import new_data, noisy_floats, save, training_batch
from tests.helpers.pictures import photograph
from tests.helpers.runs import CPU, OPEN, Run, compose, read, resume_in, same, score_in, untimed

# As train.py is called.
RUN = (
    *CPU,
    OPEN,
    "data=noisy_folder",
    "data.crop=16",
    "data.train_size=32",
    "data.val_size=8",
    "model=unet",
    "model.channels=[4,8]",
    "trainer.max_epochs=2",
)


def train_on(root: Path, directory: Path, *overrides: str) -> Run:
    import train

    cfg = compose("train", *RUN, f"data.root={root}", *overrides)
    return Run(directory, train.train(cfg, directory))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    folder = tmp_path_factory.mktemp("noisy")
    picture = save(folder / "one.tif", noisy_floats(48, 32))
    return picture, train_on(picture, folder / "run", "trainer.max_epochs=3")


def test_the_held_out_loss_chooses_the_epoch_and_no_score_against_clean_images_is_shown(
    run: tuple[Path, Run],
) -> None:
    history = run[1].history
    assert {n for n in history[0] if n.startswith("val/")} == {"val/noise2self_loss"}
    losses = [row["val/noise2self_loss"] for row in history]
    assert run[1].returned == min(losses)
    metrics = run[1].metrics
    assert metrics["monitor"] == "val/noise2self_loss"
    assert metrics["best_epoch"] == 1 + losses.index(min(losses))
    assert metrics["test"] == {}
    assert len(set(losses)) > 1
    best = read(run[1].best)
    assert best["epoch"] == losses.index(min(losses))


def test_references_add_a_psnr_that_chooses_nothing(run: tuple[Path, Run], tmp_path: Path) -> None:
    picture, without = run
    clean = save(tmp_path / "clean.tif", noisy_floats(48, 32, seed=1))
    beside = train_on(picture, tmp_path / "run", f"data.reference={clean}", "trainer.max_epochs=3")
    assert "val/psnr" in beside.history[0]
    assert beside.metrics["best_epoch"] == without.metrics["best_epoch"]
    loss = [row["val/noise2self_loss"] for row in beside.history]
    assert loss == [row["val/noise2self_loss"] for row in without.history]


def test_a_run_goes_on_bit_for_bit(run: tuple[Path, Run], tmp_path: Path) -> None:
    short = train_on(run[0], tmp_path / "short")
    resumed = resume_in(tmp_path / "resumed", short.last, "trainer.max_epochs=3")
    assert untimed(resumed.history) == untimed(run[1].history)
    assert same(read(resumed.last)["state_dict"], read(run[1].last)["state_dict"])


def test_evaluation_which_needs_clean_images_is_refused(
    run: tuple[Path, Run], tmp_path: Path
) -> None:
    line = line_for(lambda: score_in(tmp_path / "score", run[1].best))
    assert "denoise.py checkpoint=… reference=…" in line
    assert not (tmp_path / "score").exists()
    other = line_for(lambda: compose("eval", f"checkpoint={run[1].best}", "data=noisy_folder"))
    reason = "it chooses noise too, and this command cannot: it is for train.py"
    assert other == f"data=noisy_folder: {reason}"


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["objective=supervised"], "objective: Supervised needs clean images"),
        (["objective=noise2noise"], "give data.second_root"),
        (["noise=gaussian"], "leave noise out"),
    ],
)
def test_what_needs_clean_images_is_refused_before_anything_is_written(
    overrides: list[str], reason: str, run: tuple[Path, Run], tmp_path: Path
) -> None:
    assert reason in line_for(lambda: train_on(run[0], tmp_path / "run", *overrides))
    assert not (tmp_path / "run").exists()


def test_a_restored_pictures_report_says_that_no_clean_one_was_seen(
    run: tuple[Path, Run], tmp_path: Path
) -> None:
    import denoise

    picture, trained = run
    given = [f"checkpoint={trained.best}", f"input={picture}", f"output={tmp_path}", "device=cpu"]
    (report,) = denoise.denoise(compose("denoise", *given))
    assert report.as_dict()["learned_from"] == ["one.tif"]
    said = "UNet, which never saw a clean picture and learned from the noisy picture one.tif,"
    assert said in report.as_text()
    assert "with its own noise" in report.as_text()
    # Weights to start from may have seen clean pictures, also in a run that goes on from there.
    begun = train_on(picture, tmp_path / "begun", f"init={trained.best}", "trainer.max_epochs=1")
    resumed = resume_in(tmp_path / "resumed", begun.last, "trainer.max_epochs=2")
    assert "learned_from" in read(trained.best)["run"]
    assert "learned_from" not in read(begun.best)["run"]
    assert "learned_from" not in read(resumed.last)["run"]


def test_the_preset_trains(run: tuple[Path, Run], tmp_path: Path) -> None:
    import train

    small = ["data.crop=16", "data.train_size=16", "trainer.max_epochs=1"]
    chosen = [f"data.root={run[0]}", "experiment=noisy_pictures", *CPU, *small]
    preset = Run(tmp_path, train.train(compose("train", *chosen), tmp_path))
    assert read(preset.best)["run"]["objective"]["_target_"].endswith("Neighbor2Neighbor")
    assert "val/neighbor2neighbor_loss" in preset.history[0]


def test_the_preset_for_weights_that_ship_changes_them_a_little(
    run: tuple[Path, Run], tmp_path: Path
) -> None:
    import train

    small = ["data.crop=16", "data.train_size=32", "trainer.max_epochs=1"]
    chosen = ["experiment=adapt", "init=photo", f"data.root={run[0]}", *CPU, *small]
    cfg = compose("train", *chosen, *checkpoint_options.resume(chosen))
    adapted = Run(tmp_path, train.train(cfg, tmp_path))
    assert read(adapted.best)["run"]["objective"]["_target_"].endswith("Neighbor2Neighbor")
    before, after = (load_model(path)[0].state_dict() for path in ("photo", adapted.best))
    assert before.keys() == after.keys()
    for name, weights in before.items():
        assert 0 < (after[name] - weights).abs().max() < 1e-4, name  # two steps of AdamW


def test_the_preset_for_weights_that_ship_wants_some(run: tuple[Path, Run]) -> None:
    with pytest.raises(ConfigCompositionException, match="You must specify 'model'"):
        compose("train", "experiment=adapt", f"data.root={run[0]}")


def test_the_term_of_neighbor2neighbor_that_follows_the_network_chooses_nothing(
    run: tuple[Path, Run], tmp_path: Path
) -> None:
    still = ["model.optimizer.lr=1e-12", "model.optimizer.muon_lr=null", "trainer.max_epochs=1"]
    with_it, without = (
        train_on(
            run[0],
            tmp_path / gamma,
            "objective=neighbor2neighbor",
            f"objective.gamma={gamma}",
            *still,
        ).history[0]
        for gamma in ("2.0", "0.0")
    )
    assert with_it["train/loss"] > 1.5 * without["train/loss"]
    name = "val/neighbor2neighbor_loss"
    assert with_it[name] == pytest.approx(without[name], rel=1e-5)


def test_noise_that_grows_with_the_light_is_made_even_in_all_views_alike(tmp_path: Path) -> None:
    clean = photograph(1, 96, 96)[0]
    for number, name in enumerate(("first", "second")):
        random = np.random.default_rng(number)
        save(tmp_path / name / "a.tif", (random.poisson(40 * clean) / 40).astype(np.float32))
    save(tmp_path / "clean" / "a.tif", clean)
    others = {"second_root": str(tmp_path / "second"), "reference": str(tmp_path / "clean")}
    data = new_data(tmp_path / "first", even=True, range=[0.0, 1.0], val_size=1000, **others)
    data.second_view = True
    batch = training_batch(data)
    assert batch.second is not None
    assert batch.noisy.min() >= 0
    assert batch.noisy.max() <= 1
    errors = [view - batch.clean for view in (batch.noisy, batch.second)]
    bright = batch.clean > batch.clean.median()
    for error in errors:
        # The references are the means, and dark parts have as much noise as bright ones.
        assert error.mean().abs() < 0.1 * error.std()
        assert error[bright].std() == pytest.approx(error[~bright].std().item(), rel=0.2)
    assert errors[0].std() == pytest.approx(errors[1].std().item(), rel=0.05)
    # denoise.py gives the model what it has learned from.
    import denoise

    picture = tmp_path / "first" / "a.tif"
    (plane,) = tifffile.imread(picture)[None]
    noise = estimate_growing(plane[None])
    assert noise is not None
    even = evening_of(plane, noise).of(plane)
    assert set(batch.noisy.flatten().tolist()) <= set(even.flatten().tolist())
    trained = train_on(picture, tmp_path / "run", "trainer.max_epochs=1", "data.range=[0.0,1.0]")
    given = [f"input={picture}", f"output={tmp_path / 'restored'}", "range=[0.0,1.0]", "device=cpu"]
    (report,) = denoise.denoise(compose("denoise", f"checkpoint={trained.best}", *given))
    assert report.how.stabilised == pytest.approx(noise)
