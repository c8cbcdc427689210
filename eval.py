"""Score a checkpoint on the test images.

python eval.py checkpoint=outputs/…/checkpoints/best.ckpt noise.std=0.3
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from cli import checkpoint_options, command


def evaluate(cfg: DictConfig, directory: Path) -> dict[str, Any]:
    """Score a model, by default on the test images.

    Args:
        cfg: The config of eval.py.
        directory: Where everything is written.

    Returns:
        What metrics.json holds. "test" has psnr (dB), ssim, mse and mae of the restored images,
        "noisy_input" the same of what the model was given, "baselines" of what others restore.
        "accuracy" has that of the classifiers, in [0, 1], and "intervals" the coverage and the
        width of intervals, if they were asked for.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: A setting is wrong, or does not fit the checkpoint.
    """
    from baselines.tuning import require_available
    from cli.config import build
    from cli.trainer_settings import callbacks_of
    from datamodules.noise import Noise
    from denoisers.checkpoint import read_checkpoint
    from evaluation.classifiers import task_models
    from evaluation.intervals import require_calibratable
    from evaluation.score import measures_for, require_levels, score
    from evaluation.scoring import ScoredTest, require_symmetries
    from evaluation.settings import check_settings
    from groundwork.environment import environment, isolated
    from groundwork.files import write_json
    from groundwork.run_directory import RECORD, claimed
    from training.profiling import profiler_into, show_reports
    from training.progress import progress

    check_settings(cfg)
    require_available(cfg.baselines)
    with isolated():
        checkpoint = read_checkpoint(cfg.checkpoint)
        model, run = checkpoint.model(), checkpoint.run
        noise: Noise = build(cfg.noise, "noise")
        require_levels(noise, cfg.levels)
        data = build(cfg.data, "data", noise=noise)
        if data.own_noise:
            raise ValueError(
                f"data: {type(data).__name__} has no clean pictures to add noise to: score by "
                "denoise.py checkpoint=… reference=…, or give data=folder and a noise"
            )
        classifier, control = task_models(cfg, model, data)
        measures = measures_for(data.image_shape, cfg.extra_metrics)
        require_symmetries(model, cfg.symmetries)
        require_calibratable(cfg, model, data)
        scored = ScoredTest(model, measures, classifier, control, cfg.symmetries)
        others = callbacks_of(cfg.trainer)
        trainer = build(
            cfg.trainer,
            "trainer",
            logger=False,
            profiler=profiler_into(directory, cfg.trainer.profiler),
            callbacks=[*others, scored, *progress(cfg.trainer, others)],
            default_root_dir=directory,
            enable_checkpointing=False,
        )
        if trainer.world_size > 1:
            raise ValueError("trainer.devices: an evaluation uses one device")
        data.prepare_data()
        data.test_split = cfg.split
        data.setup("fit")  # the baselines learn from training images and are tuned on validation's
        data.setup("test")
        with claimed(directory):
            write_json(directory / RECORD, {"run_id": run["run_id"]} | environment())
            print(
                f"{cfg.checkpoint}: {type(model).__name__}, seed {run['seed']}, on {cfg.split} "
                f"images of {type(data).__name__} with {noise}"
            )
            metrics = score(cfg, directory, data, model, checkpoint, trainer, scored)
            show_reports(trainer.profiler)
            return metrics


@hydra.main(version_base="1.3", config_path="conf", config_name="eval")
def main(cfg: DictConfig) -> None:
    with command.job():
        evaluate(cfg, Path(HydraConfig.get().runtime.output_dir))


if __name__ == "__main__":
    command.run(main, checkpoint_options.score)
