"""What Python computes, for the tests of the page to compare with.

expected.json has:
    networks    for each network of the page: id (its model's), file, input, and outputs by name
    measures    restored and clean pixels, with their PSNR and SSIM
    noises      a noise's settings, and mean and standard deviation of a clean value under it
    photograph  a noisy picture beside the file, and what denoise.py makes of it
    growing     such pictures whose noise grows with the light, and a, b and black of its estimate
A tensor is {"data": numbers, "shape": sizes}.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from PIL import Image
from skimage.data import astronaut, chelsea
from torch import Tensor

import denoise
from cli.config import build, plain
from denoisers.base import ImageModel
from denoisers.checkpoint import load_model
from denoisers.metrics import psnr, ssim
from denoisers.vae import VAE
from exporting.about import settings_of
from exporting.checks import outputs
from groundwork.files import REPOSITORY, write_json
from groundwork.seeding import generator
from tests.helpers.runs import compose

NOISES = (
    *("blind", "dropout", "gaussian", "mixed", "poisson", "poisson_gaussian"),
    *("salt_and_pepper", "speckle", "uniform"),
)
CLEAN = (0.0, 0.25, 0.5, 1.0)  # values to which noise is added
DRAWS = 1_000_000
HEIGHT, WIDTH, STD = 500, 700, 25 / 255  # of the photograph and its noise
SMALL = (260, 300)  # height and width of the pictures whose noise grows


def write_expected(folder: Path, page: Path, checkpoints: Sequence[Path]) -> Path:
    """Write expected.json and the pictures that it names.

    Args:
        folder: A new folder.
        page: What format=web has written.
        checkpoints: Of the page's models, in their order.
    """
    folder.mkdir()
    photograph, *growing = _write_photographs(folder)
    write_json(
        folder / "expected.json",
        {
            "networks": [
                *_networks(json.loads((page / "laboratory.json").read_text()), checkpoints)
            ],
            "measures": [*_measures()],
            "noises": [*_noises()],
            "photograph": photograph,
            "growing": growing,
        },
    )
    return folder / "expected.json"


def _networks(laboratory: dict[str, Any], checkpoints: Sequence[Path]) -> Iterator[dict[str, Any]]:
    random = generator("cpu", "expected networks")
    for entry, checkpoint in zip(laboratory["models"], checkpoints, strict=True):
        model, _ = load_model(checkpoint)
        noisy = torch.rand(1, *model.image_shape, generator=random)
        yield _run(model, entry["id"], entry, noisy)
        if isinstance(model, VAE):
            halves = entry["latent"]
            with torch.no_grad():
                latent = model.encode(noisy)
                drawn = torch.randn(latent.shape, generator=random)
                yield _network(entry["id"], halves["encoder"], noisy, [latent])
                yield _network(entry["id"], halves["decoder"], drawn, [model.decode(drawn)])
    photo, _ = load_model("photo")
    picture = torch.rand(1, 3, 64, 64, generator=random)
    yield _run(photo, "photo", laboratory["photograph"], picture)


def _run(model: ImageModel, name: str, entry: dict[str, Any], images: Tensor) -> dict[str, Any]:
    with torch.no_grad():
        return _network(name, entry, images, outputs(model(images)))


def _network(
    name: str, entry: dict[str, Any], given: Tensor, found: Sequence[Tensor]
) -> dict[str, Any]:
    named = zip(entry["outputs"], map(_tensor, found), strict=True)
    return {"id": name, "file": entry["file"], "input": _tensor(given), "outputs": dict(named)}


def _tensor(values: Tensor) -> dict[str, Any]:
    return {"data": values.flatten().tolist(), "shape": [*values.shape]}


def _measures() -> Iterator[dict[str, Any]]:
    """Yield restored images from far to close, and a perfect one."""
    random = generator("cpu", "expected measures")
    for std in (0.5, 0.1, 0.01, 0.0):
        shape = (1, 1, 28, 28)
        clean = torch.rand(shape, generator=random)
        restored = (clean + std * torch.randn(shape, generator=random)).clamp(0, 1)
        yield {
            "restored": restored.flatten().tolist(),
            "clean": clean.flatten().tolist(),
            "psnr": psnr(restored, clean).item(),
            "ssim": ssim(restored, clean).item(),
        }


def _noises() -> Iterator[dict[str, Any]]:
    for name in NOISES:
        for clip in (True, False):
            node = OmegaConf.load(REPOSITORY / "conf" / "noise" / f"{name}.yaml")
            assert isinstance(node, DictConfig)
            node.clip = clip
            noise = build(node, "noise")
            for clean in CLEAN:
                random = generator("cpu", "expected noises", name, clip, str(clean))
                # Of one pixel each, since some noises draw a level for each image.
                noisy = noise(torch.full((DRAWS, 1, 1, 1), clean), random).double()
                yield {
                    "noise": settings_of(plain(node)),
                    "clean": clean,
                    "mean": noisy.mean().item(),
                    "std": noisy.std().item(),
                    "draws": DRAWS,
                }


def _write_photographs(folder: Path) -> list[dict[str, Any]]:
    """Write noisy pictures, and what denoise.py makes of them.

    Returns:
        For the photograph, a picture in colour, and one in grey from a sensor with an offset: the
        names of both files, and the noise if it grows with the light.
    """
    whole = chelsea()
    margins = [(0, size - have) for size, have in zip((HEIGHT, WIDTH), whole.shape, strict=False)]
    clean = np.pad(whole, [*margins, (0, 0)], mode="reflect") / 255
    small = clean[20 : 20 + SMALL[0], 60 : 60 + SMALL[1]]
    dark = astronaut()[: SMALL[0], : SMALL[1], 1] / 255  # where an offset is seen
    random = np.random.default_rng(0)
    noisy = {
        "1_photograph.png": clean + STD * random.standard_normal(clean.shape),
        "2_colour.png": _counted(small, 0.02, 0.0005, random),
        "3_offset.png": 0.05 + _counted(0.95 * dark, 0.01, 0.00002, random),
    }
    given = folder / "noisy"
    given.mkdir()
    for name, picture in noisy.items():
        Image.fromarray((255 * picture.clip(0, 1)).round().astype(np.uint8)).save(given / name)
    out = folder / "restored"
    arguments = ("checkpoint=photo", f"input={given}", f"output={out}", "device=cpu")
    reports = denoise.denoise(compose("denoise", *arguments))
    return [
        {
            "noisy": f"noisy/{name}",
            "restored": f"restored/{name}",
            "noise": report.how.stabilised and report.how.stabilised._asdict(),
        }
        for name, report in zip(noisy, reports, strict=True)
    ]


def _counted(clean: np.ndarray, a: float, b: float, random: np.random.Generator) -> np.ndarray:
    """Add the noise of a photon counter, of the variance a x + b."""
    shot = a * random.poisson(clean / a)
    return np.asarray(shot + b**0.5 * random.standard_normal(clean.shape))
