"""best.safetensors: the weights for other programs, and a model that can be scored for this one."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from denoisers.checkpoint import load_model, read_checkpoint
from denoisers.weights_file import DESCRIPTION, DIGEST, LARGEST_HEADER
from tests.helpers.models import random_batch
from tests.helpers.runs import DENSE, Run, read, resume_in, same, score_in, train_in, trained

SMALL = ("model=dense", "model.hidden=[1]", "model.latent_dim=1", "trainer.max_epochs=1")


def weights_of(run: Run) -> Path:
    return run.directory / "checkpoints" / "best.safetensors"


def header(file: Path) -> dict[str, Any]:
    content = file.read_bytes()
    found: dict[str, Any] = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return found


def rewritten(target: Path, **metadata: str | None) -> Path:
    """Copy a real file with other metadata; None leaves an entry out."""
    source = weights_of(trained(*DENSE))
    kept = {k: v for k, v in (header(source)["__metadata__"] | metadata).items() if v is not None}
    save_file(load_file(source), target, metadata=kept)
    return target


@pytest.mark.parametrize("kind", ["dense", "vae", "classifier"])
def test_it_is_the_model_of_the_best_checkpoint(kind: str) -> None:
    run = trained(f"model={kind}", "trainer.max_epochs=3", *(DENSE[2:] if kind == "dense" else ()))
    (model, record), (best, of_best) = load_model(weights_of(run)), load_model(run.best)
    assert record == of_best
    assert type(model) is type(best)
    assert same(model.state_dict(), best.state_dict())
    noisy = random_batch(3).noisy
    with torch.no_grad():
        assert torch.equal(model(noisy), best(noisy))


def test_it_scores_as_the_best_checkpoint_does(tmp_path: Path) -> None:
    run = trained(*DENSE)
    scores = score_in(tmp_path / "weights", weights_of(run))
    best = score_in(tmp_path / "best", run.best)
    assert {k: scores[k] for k in ("test", "noise", "data", "run_id")} == {
        k: best[k] for k in ("test", "noise", "data", "run_id")
    }


def test_its_tensors_are_for_any_program() -> None:
    run = trained(*DENSE)
    assert same(load_file(weights_of(run)), dict(read(run.best)["state_dict"]))


def test_the_length_of_its_header_is_not_taken_for_another_kind_of_file(tmp_path: Path) -> None:
    """It comes first in the file, where a pickle would begin with 128."""
    firsts = set()
    for more in range(0, 256, 8):
        file = rewritten(tmp_path / "a.safetensors", note=more * "x")
        firsts.add(file.read_bytes()[0])
        load_model(file)
    assert 128 in firsts


def test_it_cannot_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot be resumed: it has the weights alone, give last"):
        resume_in(tmp_path, weights_of(trained(*DENSE)), "trainer.max_epochs=9")
    assert not any(tmp_path.iterdir())


def test_what_does_not_say_how_to_build_its_model_is_refused(tmp_path: Path) -> None:
    plain = rewritten(tmp_path / "plain.safetensors", **{DESCRIPTION: None})
    with pytest.raises(ValueError, match=r"does not say how to build its model: give best\.ckpt"):
        load_model(plain)
    exported = rewritten(tmp_path / "a.model.safetensors", **{DESCRIPTION: None, "arguments": "{}"})
    with pytest.raises(ValueError, match="it is an export: give the checkpoint"):
        load_model(exported)


def test_a_changed_description_is_refused(tmp_path: Path) -> None:
    description = header(weights_of(trained(*DENSE)))["__metadata__"][DESCRIPTION]
    assert "denoisers.dense.Dense" in description
    changed = description.replace("denoisers.dense.Dense", "denoisers.vae.VAE")
    file = rewritten(tmp_path / "changed.safetensors", **{DESCRIPTION: changed})
    with pytest.raises(ValueError, match="its bytes are not those that were written"):
        load_model(file)
    unsigned = rewritten(tmp_path / "unsigned.safetensors", **{DIGEST: None})
    with pytest.raises(ValueError, match="its bytes are not those that were written"):
        load_model(unsigned)


def test_a_header_of_any_length_takes_no_memory(tmp_path: Path) -> None:
    file = tmp_path / "long.safetensors"
    for length in (LARGEST_HEADER + 1, 2**63):
        file.write_bytes(length.to_bytes(8, "little") + b"{}")
        with pytest.raises(ValueError, match="its header is too long"):
            load_model(file)
    nested = b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    file.write_bytes(len(nested).to_bytes(8, "little") + nested)
    with pytest.raises(ValueError, match="recursion"):
        load_model(file)


def test_a_flip_in_any_byte_is_refused_or_changes_nothing(tmp_path: Path) -> None:
    run = train_in(tmp_path / "run", *SMALL)
    content, file = weights_of(run).read_bytes(), tmp_path / "flipped.safetensors"
    whole, draw, refused = read_checkpoint(weights_of(run)).contents(), random.Random(0), 0
    places = draw.sample(range(len(content)), 400)
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 1 << draw.randrange(8)
        file.write_bytes(flipped)
        try:
            found = read_checkpoint(file).contents()
        except ValueError as error:
            refused += str(error).startswith(f"{file} is ")
        else:
            assert same(found, whole)
    assert refused > 0.9 * len(places)
