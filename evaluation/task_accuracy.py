"""Does restoring help the task: accuracies with intervals, paired tests, the answer in words."""

from typing import Any

from torch import Tensor

from reporting.statistics import mcnemar, proportion_interval

PAIRS = (("restored", "noisy"), ("restored", "control"), ("clean", "restored"))
SIGNIFICANT = 0.05


def task_results(right: dict[str, Tensor]) -> dict[str, Any]:
    """What metrics.json says of the classifiers.

    right: whether each image was classified rightly, bool N, by the input's name in
        `evaluation.classifiers.INPUTS`.

    Returns "accuracy", by input, with its 95 % interval (Wilson), and "tests", by pair of inputs,
    with the numbers of images that only the first or only the second was right about, and the p of
    McNemar's exact test.
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


def verdict(task: dict[str, Any], noisy_psnr: float, psnr: float) -> list[str]:
    """Sentences on what restoring does to the task; [] without a classifier.

    task: of `task_results`. noisy_psnr, psnr: of the noisy and of the restored images, in dB.
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
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"
