"""Training that starts from the weights of another run, instead of random ones."""

from denoisers.base import ImageModel
from denoisers.checkpoint import read_checkpoint


def start_from(model: ImageModel, checkpoint: str) -> None:
    """Give a model the weights of a checkpoint, which may have been trained on other data.

    Args:
        model: The model to train. Its settings may differ in all that changes no shape.
        checkpoint: The path of its file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no checkpoint, or its weights are not of the model's shapes.
    """
    try:
        found = read_checkpoint(checkpoint)
    except (OSError, ValueError) as error:
        raise type(error)(f"init: {error}") from error
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
            )
    model.load_state_dict(weights)
