"""The report on a restored picture: as text, as JSON, and as a row of a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from datamodules.value_range import ValueRange, spoken
from groundwork.files import write_json, write_whole
from reporting.tables import Table
from reporting.terminal import Terminal
from restoration.inputs import Task
from restoration.intervals import About
from restoration.methods import TITLES, How
from restoration.residual import Residual

# Times the noise. A stronger residual has more than noise in it, a weaker one leaves most of the
# noise's power in the picture.
STRONGER = 1.5
WEAKER = 0.5
STRUCTURE = 0.05  # autocorrelation, beyond that of white noise, of a residual with more than noise
UNIT = ValueRange(0, 1, "floating-point numbers in [0, 1]")
CHANNELS = {1: "grey", 3: "colour"}


class Planes(NamedTuple):
    """The planes of a stack.

    Attributes:
        axes: A letter for each axis.
        shape: The lengths of the axes.
        noise_stds: The estimated noise in each plane. None if it cannot be estimated.
    """

    axes: str
    shape: tuple[int, ...]
    noise_stds: list[float | None]


@dataclass(frozen=True)
class Report:
    """The report on one picture or stack.

    Attributes:
        task: The picture and its files.
        how: How it was restored.
        shape: C H W.
        noise_std: The noise, given or estimated. None if it is unknown.
        residual: The measures of the residual.
        scores: Those of the noisy and of the restored picture. None without a clean one.
        values: Which of the file's numbers are 0 and 1.
        alpha: Whether the picture has transparency.
        planes: The planes of a stack. The other measures summarise them. None for a single picture.
        lost: Metadata of the original that the restored file does not have.
        sigma: The noise as the user has given it. None if it was estimated.
        strength: The share of the residual that was taken away, as the user has chosen.
        intervals: Those that were written, if any.
    """

    task: Task
    how: How
    shape: tuple[int, int, int]
    noise_std: float | None
    residual: Residual
    scores: dict[str, dict[str, float | None]] | None
    values: ValueRange = UNIT
    alpha: bool = False
    planes: Planes | None = None
    lost: tuple[str, ...] = ()
    sigma: float | None = None
    strength: float = 1.0
    intervals: About | None = None

    @property
    def noise_in_range(self) -> bool | None:
        """Whether the model was trained for noise of this strength. None if that is unknown."""
        levels = self.how.training and self.how.training.levels
        if levels is None or self.noise_std is None:
            return None
        return levels[0] <= self.noise_std <= levels[1]

    @property
    def left_noise_in(self) -> bool:
        if not self.noise_std or self.residual.strength is None or self.strength < 1:
            return False
        return self.residual.strength < WEAKER

    @property
    def shows_structure(self) -> bool:
        """Whether neighbours in the residual resemble each other more than in noise.

        Their autocorrelation exceeds `STRUCTURE`, which good denoisers reach too, by more than
        three standard deviations of white noise's autocorrelation. That says nothing where the
        noise itself is correlated.
        """
        if self.how.noise_is_correlated:
            return False
        found = max(self.residual.across, self.residual.down)
        return found > STRUCTURE + 1.5 * self.residual.white

    @property
    def warnings(self) -> list[str]:
        found, reasons = [], self._unlike()
        if reasons and self.how.training:
            reason = "; ".join(reasons)
            found.append(f"This picture is unlike what the model was trained on: {reason}.")
        if self.noise_in_range is False:
            found.append(
                f"The model was trained for {self._range()}, not for noise of this strength."
            )
        if self.left_noise_in:
            found.append(
                "Most of the noise was left in: the residual is "
                f"{self.residual.strength:.1f} times as strong as the noise."
            )
        return found + (self.intervals.warnings if self.intervals else [])

    def _unlike(self) -> list[str]:
        """Say how the picture differs from those that the model was trained on."""
        reasons, strength = [], self.residual.strength
        if (training := self.how.training) and not training.any_size:
            _, height, width = training.image_shape
            if self.shape[1:] != (height, width):
                reasons.append(f"the model was trained on {width} x {height} pixels only")
        if strength is not None and strength > STRONGER:
            reasons.append(f"the residual is {strength:.1f} times as strong as the noise")
        if self.shows_structure and not self.left_noise_in:
            reasons.append("the residual still shows the picture, so details were removed")
        return reasons

    def as_dict(self) -> dict[str, Any]:
        channels, height, width = self.shape
        residual = self.residual
        return {
            "picture": str(self.task.source),
            "restored": str(self.task.restored),
            "reference": None if self.task.reference is None else str(self.task.reference),
            "method": self.how.method,
            "checkpoint": self.how.checkpoint,
            "channels": channels,
            "height": height,
            "width": width,
            "tile": self.how.tile,
            "symmetries": self.how.symmetries,
            "planes": self.planes and self.planes._asdict(),
            "range": self.values._asdict(),
            "transparency": "as it was" if self.alpha else None,
            "noise_std": self.noise_std,
            "noise_std_in_numbers": None if self.noise_std is None else self._own(self.noise_std),
            "trained_noise": self.how.training and self.how.training.noise_named,
            "learned_from": self.how.training and list(self.how.training.learned_from),
            "correlation": self.how.correlation,
            "variance": self.how.stabilised and self.how.stabilised._asdict(),
            "noise_in_range": self.noise_in_range,
            "residual": residual._asdict(),
            "scores": self.scores,
            "sigma": self.sigma,
            "strength": self.strength,
            "intervals": self.intervals and self.intervals.as_dict(),
            "lost": list(self.lost),
            "warnings": self.warnings,
        }

    def as_text(self) -> str:
        lines = [f"{self.task.name}: {_described(self.shape)}", *self._restored_by()]
        if self.strength != 1:
            lines.append(f"Of the noise that was found, {self.strength:.0%} was taken away.")
        if self.planes:
            axes = " x ".join(f"{n} {a}" for a, n in zip(*self.planes[:2], strict=True))
            lines.append(f"It is a stack of {axes}, restored plane by plane.")
        if self.alpha:
            lines.append("Its colours were restored, and its transparency is as it was.")
        lines.append(f"Black to white: {spoken(*self.values[:2])} ({self.values.reason}).")
        lines += ["", f"Noise: {self._noise()}.", f"Residual: {_residual(self.residual)}."]
        for name, scores in (self.scores or {}).items():
            ssim = "" if scores["ssim"] is None else f", SSIM {scores['ssim']:.4f}"
            lines.append(f"Against the reference, {name}: PSNR {scores['psnr']:.2f} dB{ssim}.")
        if self.intervals:
            lines.append(self.intervals.as_text())
        if self.lost:
            lines.append(f"Not carried over from the original: {'; '.join(self.lost)}.")
        for warning in self.warnings:
            lines += ["", f"WARNING. {warning}"]
        return "\n".join(lines) + "\n"

    def _restored_by(self) -> list[str]:
        how, training = self.how, self.how.training
        if training is None:
            return [f"Restored by {TITLES[how.method]}."]
        lines = [
            f"Restored by {how.checkpoint}: {training.model}, {training},",
            f"{_described(training.image_shape)}, with {training.noise_named}.",
        ]
        if how.correlation is not None:
            kind = "is shared by neighbouring pixels" if how.noise_is_correlated else "is white"
            lines.append(
                f"The weights were chosen for its noise, which {kind} (the strongest correlation "
                f"of what they take away is {how.correlation:.2f})."
            )
        if how.stabilised:
            lines.append(
                f"The noise grows with the light (variance {how.stabilised} for brightness x), so "
                "it was made even before, by the generalised Anscombe transform."
            )
        if how.tile:
            lines.append(f"It was restored in overlapping tiles of {how.tile[1]} x {how.tile[0]}.")
        if how.symmetries > 1:
            lines.append(
                f"It is the average of {how.symmetries} results, for all rotations by 90 degrees "
                "and mirror images."
            )
        if self.shape[0] > training.image_shape[0]:
            lines.append("The model is for grey pictures, so each channel was restored on its own.")
        if self.shape[0] < training.image_shape[0]:
            lines.append("The model is for colour pictures, so it was given three equal channels.")
        return lines

    def _noise(self) -> str:
        if self.noise_std is None and self.how.noise_is_correlated:
            return "its strength is not estimated, since neighbouring pixels share it"
        if self.noise_std is None:
            return "its strength cannot be estimated"
        if self.noise_std == 0:
            strength = "none was found"
        else:
            source = "estimated" if self.sigma is None else "given"
            strength = f"{source} standard deviation {self.noise_std:.3f}"
            if self.values != UNIT:
                strength += f" ({self._own(self.noise_std):,.4g} in the file's numbers)"
        if self.planes:
            strength += f" in the median plane, {_from_to(self.planes.noise_stds)}"
        if self.how.training is None:
            return strength
        if self.noise_in_range is None:
            return f"{strength}; the model was trained with {self.how.training.other_noise}"
        inside = "noise of this strength" if self.noise_in_range else self._range()
        return f"{strength}; the model was trained for {inside}"

    def _own(self, std: float) -> float:
        """Convert a standard deviation to the file's own numbers."""
        return std * abs(self.values.high - self.values.low)

    def _range(self) -> str:
        assert self.how.training is not None
        assert self.how.training.levels is not None
        low, high = self.how.training.levels
        return f"standard deviations from {low:.3f} to {high:.3f}"


def write(report: Report) -> None:
    """Write the text and the JSON beside the restored picture."""
    text, content, _ = report.task.reports
    write_whole(text, report.as_text())
    write_json(content, report.as_dict())


def show(reports: Sequence[Report]) -> None:
    """Print a table of all pictures, and then their warnings."""
    scored = any(report.scores for report in reports)
    chosen = any(report.how.correlation is not None for report in reports)
    names = ["weights"] if chosen else []
    names += ["noise", "residual", "across", "down"] + (["PSNR before", "after"] if scored else [])
    rows = []
    for report in reports:
        residual, std = report.residual, report.noise_std
        numbers = [residual.std, residual.across, residual.down]
        cells = [str(report.how.checkpoint)] if chosen else []
        cells += ["?" if std is None else f"{std:.3f}", *(f"{number:.3f}" for number in numbers)]
        cells += [f"{scores['psnr']:.2f}" for scores in (report.scores or {}).values()]
        rows.append([str(report.task.name), *cells])
    console = Terminal()
    console.print(Table("", ["picture", *names], rows).for_terminal())
    for report in reports:
        if report.warnings:
            line = f"{report.task.name}: {' '.join(report.warnings)}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def _described(shape: tuple[int, int, int]) -> str:
    channels, height, width = shape
    return f"{width} x {height} pixels, {CHANNELS[channels]}"


def _from_to(stds: Sequence[float | None]) -> str:
    there = [std for std in stds if std is not None]
    absent = len(stds) - len(there)
    unknown = f"; it cannot be estimated in {absent} planes" if absent else ""
    return (f"from {min(there):.3f} to {max(there):.3f}" if there else "unknown") + unknown


def _residual(residual: Residual) -> str:
    explained = ""
    if residual.explained_mean is not None:
        explained = f" (clipping the noise to [0, 1] explains {residual.explained_mean:.4f})"
    return (
        f"mean {residual.mean:.4f}{explained}, standard deviation {residual.std:.3f}; "
        f"autocorrelation {residual.across:.3f} across and {residual.down:.3f} down "
        f"(within ±{residual.white:.3f} for white noise)"
    )
