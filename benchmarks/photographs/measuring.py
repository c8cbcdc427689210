"""Scores and times of methods on the pictures of a test set."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console
from rich.progress import track

from benchmarks.photographs import protocol
from benchmarks.photographs.methods import Method
from benchmarks.photographs.sets import PictureSet

WARM_UP = 64  # pixels a side of what a method restores before it is timed


class Result(NamedTuple):
    """What a method reaches on a test set.

    Attributes:
        psnr: Of each picture, in dB.
        ssim: Of each picture.
        ms_per_megapixel: Of each picture.
    """

    psnr: list[float]
    ssim: list[float]
    ms_per_megapixel: list[float]


class Comparison(NamedTuple):
    """Methods on the pictures of one test set, with noise of one standard deviation.

    Attributes:
        tested: The test set.
        sigma: The noise's standard deviation, of 255.
        results: By the method's name.
    """

    tested: PictureSet
    sigma: float
    results: dict[str, Result]

    @property
    def title(self) -> str:
        return f"{self.tested.name}, σ = {self.sigma:g}"


def compare(tested: PictureSet, sigma: float, methods: Sequence[Method]) -> Comparison:
    """Score methods on the same noisy pictures.

    They take turns on each picture, so that a change in the machine's speed is the same for all.
    """
    found = Comparison(tested, sigma, {method.name: Result([], [], []) for method in methods})
    first = next(iter(tested.pictures.values()))
    small = protocol.noisy(first[:, :WARM_UP, :WARM_UP], sigma)
    for method in methods:
        method.restore(small, sigma)
    shown = Console(stderr=True)
    pictures = [*tested.pictures.values()]
    for clean in track(pictures, found.title, console=shown, disable=not shown.is_terminal):
        noisy = protocol.noisy(clean, sigma)
        megapixels = clean[0].size / 1e6
        for method in methods:
            start = time.perf_counter()
            restored = method.restore(noisy, sigma)
            seconds = time.perf_counter() - start
            psnr, ssim = protocol.score(protocol.rounded(restored), clean)
            result = found.results[method.name]
            result.psnr.append(psnr)
            result.ssim.append(ssim)
            result.ms_per_megapixel.append(1000 * seconds / megapixels)
    return found
