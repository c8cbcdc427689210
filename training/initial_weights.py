"""Training that starts from the weights of another run, instead of random ones."""

import logging

from denoisers.base import ImageModel
from denoisers.checkpoint import Checkpoint, read_checkpoint

log = logging.getLogger(__name__)


def start_from(model: ImageModel, checkpoint: str, strict: bool) -> None:
    """Give a model the weights of a checkpoint, which may have been trained on other data.

    Args:
        model: The model to train. Its settings may differ in all that changes no shape.
        checkpoint: The path of its file, or the name of weights that ship.
        strict: Whether all weights have to fit. If not, those that have no counterpart of the same
            name and shape keep their random values.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no checkpoint, or its weights are not of the model's shapes. Without
            `strict`: none of them is.
    """
    try:
        found = read_checkpoint(checkpoint)
    except (OSError, ValueError) as error:
        raise type(error)(f"init: {error}") from error
    weights, own = found.get("state_dict"), model.state_dict()
    if strict:
        _require_fit(model, found, checkpoint)
    fitting = {
        key: weights[key]
        for key, weight in own.items()
        if key in weights and weights[key].shape == weight.shape
    }
    if not fitting:
        raise ValueError(f"init={checkpoint}: none of its weights fits the model to train")
    if fresh := sorted(own.keys() - fitting.keys()):
        log.info("init: %d of %d weights fit; %s start at random", len(fitting), len(own), fresh)
    model.load_state_dict(own | fitting)


def _require_fit(model: ImageModel, found: Checkpoint, checkpoint: str) -> None:
    """Raises ValueError if a weight has no counterpart of the same name and shape."""
    weights, own = found.get("state_dict"), model.state_dict()
    kind, name = found.run["model"].rpartition(".")[2], type(model).__name__
    for key in own.keys() ^ weights.keys():
        whose = kind if key in weights else name
        raise ValueError(
            f"init={checkpoint}: its {kind} does not fit the {name} of model=, only the {whose} "
            f"has {key}; leave model out to take the checkpoint's"
        )
    for key, weight in own.items():
        if weight.shape != weights[key].shape:
            raise ValueError(
                f"init={checkpoint}: {key} has the shape {tuple(weights[key].shape)}, the model to "
                f"train has {tuple(weight.shape)}; channels and sizes of model and data have to be "
                f"the checkpoint's, whose images are {found.get('hyper_parameters')['image_shape']}"
                ", or init_strict=false starts such weights at random"
            )
