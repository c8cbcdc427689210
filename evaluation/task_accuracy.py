"""Does restoring help the task? Accuracies with intervals, paired tests, the answer in words."""

from typing import Any

from torch import Tensor

from reporting.statistics import mcnemar, proportion_interval

# What classifiers are shown, by the names in metrics.json.
INPUTS = {
    "clean": "clean images",
    "noisy": "noisy images",
    "restored": "restored images",
    "control": "noisy images, by the control",
}
PAIRS = (("restored", "noisy"), ("restored", "control"), ("clean", "restored"))
SIGNIFICANT = 0.05


def task_results(right: dict[str, Tensor]) -> dict[str, Any]:
    """Return what metrics.json says of the classifiers.

    Args:
        right: Whether each image was classified rightly, bool N, by the names in `INPUTS`.

    Returns:
        "accuracy", by input, with its 95 % interval (Wilson). "tests", by pair of inputs: how many
        images only the first and only the second was right about, and the p of McNemar's exact
        test.
    """
    accuracy = {}
    for name, hits in right.items():
        low, high = proportion_interval(int(hits.sum()), len(hits))
        accuracy[name] = {"accuracy": hits.double().mean().item(), "low": low, "high": high}
    tests = {}
    for first, second in PAIRS:
        if first in right and second in right:
            only_first = int((right[first] & ~right[second]).sum())
            only_second = int((right[second] & ~right[first]).sum())
            tests[f"{first} vs {second}"] = {
                "only_first": only_first,
                "only_second": only_second,
                "p": mcnemar(only_first, only_second),
            }
    return {"accuracy": accuracy, "tests": tests}


def confusion(labels: Tensor, predicted: Tensor, num_classes: int) -> Tensor:
    """Count images by true and predicted class.

    Args:
        labels: The true classes, int64 N.
        predicted: int64 N.
        num_classes: K.

    Returns:
        int64 K x K, a row for each true class.
    """
    cells = (labels * num_classes + predicted).bincount(minlength=num_classes**2)
    return cells.view(num_classes, num_classes)


def verdict(task: dict[str, Any], noisy_psnr: float, psnr: float) -> list[str]:
    """Say in sentences what restoring does to the task. Without a classifier there are none.

    Args:
        task: From `task_results`.
        noisy_psnr: Of the noisy images, in dB.
        psnr: Of the restored images, in dB.
    """
    sentences = []
    share = {name: found["accuracy"] for name, found in task["accuracy"].items()}
    if test := task["tests"].get("restored vs noisy"):
        change = (
            f"accuracy goes from {share['noisy']:.2%} to {share['restored']:.2%} "
            f"(McNemar's {p_value(test['p'])})"
        )
        gain = (
            f"Restoring changes PSNR by {psnr - noisy_psnr:+.2f} dB, and the classifier's {change}"
        )
        if test["p"] >= SIGNIFICANT:
            end = ": no significant difference for the task."
        elif share["restored"] > share["noisy"]:
            end = ": it helps the task."
        elif psnr > noisy_psnr:
            end = ": PSNR rose and accuracy FELL, restoring removes what the classifier needs."
        else:
            end = ": it harms the task."
        sentences.append(gain + end)
    if test := task["tests"].get("restored vs control"):
        if test["p"] >= SIGNIFICANT:
            relation = "does as well for the task as"
        elif share["restored"] > share["control"]:
            relation = "does more for the task than"
        else:
            relation = "does less for the task than"
        sentences.append(
            f"Restoring first {relation} a classifier trained on noisy images "
            f"({share['restored']:.2%} and {share['control']:.2%}, McNemar's {p_value(test['p'])})."
        )
    return sentences


def p_value(p: float) -> str:
    """Write a p value as reports show it."""
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"
