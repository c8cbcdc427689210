"""Make weights ship: write those of a checkpoint in half precision, under a name.

    python -m denoisers.pretrained.ship outputs/…/checkpoints/best.ckpt photo

Half precision halves the file. docs/photographs.md says what it changes.
"""

import argparse
import sys
from pathlib import Path

from denoisers.checkpoint import Checkpoint, read_checkpoint
from denoisers.pretrained import FOLDER, SUFFIX
from denoisers.weights_file import encode_weights
from groundwork.files import whole_file


def ship(checkpoint: Checkpoint, path: Path) -> None:
    """Write the weights of a checkpoint in half precision, with what the model is built from.

    Raises:
        OSError: The file cannot be written.
    """
    weights = {name: weight.half() for name, weight in checkpoint.get("state_dict").items()}
    with whole_file(path) as file:
        file.write(encode_weights(weights, checkpoint.run, checkpoint.get("hyper_parameters")))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m denoisers.pretrained.ship")
    parser.add_argument("checkpoint", help="of a model that restores pictures")
    parser.add_argument("name", help="of the weights; those of this name are replaced")
    given = parser.parse_args()
    try:
        ship(read_checkpoint(given.checkpoint), FOLDER / f"{given.name}{SUFFIX}")
    except (ValueError, OSError) as error:
        sys.exit(f"{parser.prog}: {error}")


if __name__ == "__main__":
    main()
