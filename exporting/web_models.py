"""The models of the page for a browser: their ONNX files, and their entries in laboratory.json.

web/src/laboratory.ts describes the entries.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from torch import Tensor

from cli.config import build
from datamodules.images import ImageDataModule
from denoisers.base import ImageModel
from denoisers.checkpoint import load_model
from denoisers.classifier import Classifier
from denoisers.composite import Composite
from denoisers.vae import VAE
from exporting import onnx, vae_halves
from exporting.about import RESTORED, describe_export, input_name, metrics_beside, output_names
from exporting.checks import largest_difference

PHOTOGRAPH = "photo"  # the weights that ship, which restore photographs on every page
PHOTOGRAPH_LICENCE = "MIT"  # as its card says


@dataclass(frozen=True)
class Trained:
    """A checkpoint that has been read."""

    path: Path
    model: ImageModel
    run: dict[str, Any]


@dataclass(frozen=True)
class Exported:
    """A model of the page.

    Attributes:
        entry: What laboratory.json says of it.
        files: The contents of its files, by their names in the page's folder.
        difference: Its largest difference from the original, as `largest_difference` returns it.
    """

    entry: dict[str, Any]
    files: dict[str, bytes]
    difference: float


def kind_of(model: ImageModel) -> str:
    """Return the kind of a model, which is its name in conf/model: "conv_transposed"."""
    return type(model).__module__.rpartition(".")[2]


def distinct(kinds: Iterable[str]) -> list[str]:
    """Number what comes again: "vae", "dense", "vae-2"."""
    counts: Counter[str] = Counter()
    names = []
    for kind in kinds:
        counts[kind] += 1
        names.append(kind if counts[kind] == 1 else f"{kind}-{counts[kind]}")
    return names


def export_model(
    trained: Trained, name: str, licence: str, data: ImageDataModule, images: Tensor | None
) -> Exported:
    """Export a model, and the two halves of a VAE.

    Args:
        trained: The model and its run.
        name: The model's id on the page.
        licence: The model's licence.
        data: Images, of which those for validation measure a VAE's latents.
        images: Noisy images B C H W to compare on, besides random ones.

    Raises:
        ValueError: An exported network differs from the original.
    """
    model, run = trained.model, trained.run
    metrics = metrics_beside(trained.path, run)
    about = describe_export(model, run, metrics, licence)
    network, files, difference = _whole(model, name, about, images)
    entry = network | {
        "id": name,
        "kind": kind_of(model),
        "does": _does(model),
        "parameters": sum(weights.numel() for weights in model.parameters()),
        "noise": json.loads(about["noise"]),
        "psnr": metrics["test"].get("psnr") if metrics else None,
    }
    if isinstance(model, VAE):
        data.setup("fit")
        noise = build(OmegaConf.create(run["noise"]), "noise")
        latents = vae_halves.latents_of(model, data.with_noise(noise))
        halves, more, other = _halves(model, name, about, images)
        entry["latent"] = halves | {"count": model.latent_dim} | latents._asdict()
        files, difference = files | more, max(difference, other)
    return Exported(entry, files, difference)


def export_photograph() -> Exported:
    """Export the weights that ship, checked on random images of several sizes.

    Raises:
        ValueError: The exported network differs from the original.
    """
    model, run = load_model(PHOTOGRAPH)
    about = describe_export(model, run, None, PHOTOGRAPH_LICENCE)
    network, files, difference = _whole(model, PHOTOGRAPH, about, None)
    return Exported(network | {"name": PHOTOGRAPH}, files, difference)


def _whole(
    model: ImageModel, name: str, about: dict[str, str], images: Tensor | None
) -> tuple[dict[str, Any], dict[str, bytes], float]:
    file, content = f"models/{name}.onnx", onnx.content(model, about)
    difference = largest_difference(model, onnx.load(content), images)
    network = _network(file, content, input_name(model), output_names(model))
    return network, {file: content}, difference


def _halves(
    model: VAE, name: str, about: dict[str, str], images: Tensor | None
) -> tuple[dict[str, Any], dict[str, bytes], float]:
    """Export the encoder and the decoder, which one after the other are the whole."""
    encoder, decoder = vae_halves.encoder(model, about), vae_halves.decoder(model, about)
    composed = vae_halves.composed(onnx.load(encoder), onnx.load(decoder))
    difference = largest_difference(model, composed, images)
    first, second = f"models/{name}-encoder.onnx", f"models/{name}-decoder.onnx"
    entries = {
        "encoder": _network(first, encoder, input_name(model), [vae_halves.LATENT]),
        "decoder": _network(second, decoder, vae_halves.LATENT, [RESTORED]),
    }
    return entries, {first: encoder, second: decoder}, difference


def _network(file: str, content: bytes, given: str, outputs: Sequence[str]) -> dict[str, Any]:
    return {"file": file, "bytes": len(content), "input": given, "outputs": [*outputs]}


def _does(model: ImageModel) -> str:
    if isinstance(model, Composite):
        return "both"
    return "classifies" if isinstance(model, Classifier) else "restores"
