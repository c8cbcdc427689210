"""The cost of eval.py's pass over the 10,000 test images, beyond the network and the metrics.

The pass by hand computes the same objective, which returns the restored images with the loss, and
the same metrics, on batches that are ready.

python -m benchmarks.evaluation ROUNDS OVERRIDES...     with train.py's overrides
"""

import json
import sys
import time

from groundwork.machine import tune_process

BATCH = 128


def main(count: int, overrides: list[str]) -> None:
    tune_process()
    import torch
    from pytorch_lightning import Trainer

    from benchmarks.from_config import data_and_model
    from evaluation.scoring import ScoredTest
    from groundwork.batch import Batch
    from groundwork.environment import isolated
    from groundwork.measures import between_images
    from training.progress import Bar

    _, model = data_and_model(overrides)
    model.eval()
    seconds: dict[str, list[float]] = {"eval.py": [], "by hand": [], "network": [], "metrics": []}
    for number in range(count + 1):
        data, _ = data_and_model(overrides)  # a new one, since eval.py draws the noise in its pass
        data.setup("test")
        trainer = Trainer(
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            callbacks=[ScoredTest(model, between_images(data.image_shape), None, None, 1), Bar()],
        )
        with isolated():
            start = time.perf_counter()
            trainer.test(model, data, verbose=False)
            passed = time.perf_counter() - start

        index = torch.arange(data.size("test"))
        noisy, clean, label, *_ = data.eval_batch("test", index)
        random = torch.Generator().manual_seed(0)
        parts = {"network": 0.0, "metrics": 0.0}
        for metrics in model.stage_metrics("test"):
            metrics.reset()
        with torch.inference_mode():
            for rows in index.split(BATCH):
                batch = Batch(noisy[rows], clean[rows], label[rows])
                start = time.perf_counter()
                loss = model.loss_of(batch, random)
                output = model(batch.noisy) if loss.output is None else loss.output
                middle = time.perf_counter()
                model.update_metrics("test", output, batch)
                parts["network"] += middle - start
                parts["metrics"] += time.perf_counter() - middle
            start = time.perf_counter()
            for metrics in model.stage_metrics("test"):
                metrics.compute()
            parts["metrics"] += time.perf_counter() - start
        if number > 0:
            seconds["eval.py"].append(passed)
            for name, value in parts.items():
                seconds[name].append(value)
            seconds["by hand"].append(sum(parts.values()))
    print(json.dumps({"images": len(index), "seconds": seconds}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
