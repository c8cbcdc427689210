"""The networks of this project in Keras, trained by `model.fit` on arrays in memory.

It runs in its own environment, with TensorFlow from PyPI. The modules that it imports from this
project need the standard library alone. The images are Fashion-MNIST's. Noisy images are made once,
as notebooks do, so no noise is drawn in training.

    python -m benchmarks.keras_fit STEPS MODEL [CHANNELS]     such as 100 conv_transposed 16,8
"""

import os
import sys
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
from keras import layers, ops

from benchmarks.turns import Turn
from groundwork.files import REPOSITORY

BATCH = 128
SIZE = 28
RAW = REPOSITORY / "data" / "FashionMNIST" / "raw"


def conv_transposed(channels: list[int]) -> keras.Model:
    image = features = keras.Input((SIZE, SIZE, 1))
    sizes = [SIZE]
    for width in channels:
        features = layers.Conv2D(width, 5, strides=2, padding="same", use_bias=False)(features)
        features = layers.Activation("gelu")(layers.BatchNormalization()(features))
        sizes.append(-(-sizes[-1] // 2))
    for step, width in enumerate([*channels[-2::-1], 1]):
        after, before = sizes[-2 - step], sizes[-1 - step]
        last = width == 1
        features = layers.Conv2DTranspose(
            width,
            5,
            strides=2,
            padding="same",
            output_padding=after - (2 * before - 1),
            use_bias=last,
        )(features)
        if not last:
            features = layers.Activation("gelu")(layers.BatchNormalization()(features))
    return keras.Model(image, layers.Activation("sigmoid")(features))


def conv_upsample(channels: list[int]) -> keras.Model:
    image = features = keras.Input((SIZE, SIZE, 1))
    sizes = [SIZE]
    for width in channels:
        features = layers.Conv2D(width, 3, padding="same", use_bias=False)(features)
        features = layers.MaxPooling2D(2, padding="same")(features)
        features = layers.Activation("gelu")(layers.BatchNormalization()(features))
        sizes.append(-(-sizes[-1] // 2))
    for step, width in enumerate([*channels[-2::-1], 0]):
        after = sizes[-2 - step]
        features = layers.UpSampling2D(2)(features)
        features = layers.Cropping2D(((0, -after % 2), (0, -after % 2)))(features)
        if width:
            features = layers.Conv2D(width, 3, padding="same", use_bias=False)(features)
            features = layers.Activation("gelu")(layers.BatchNormalization()(features))
    logits = layers.Conv2D(1, 5, padding="same")(features)
    return keras.Model(image, layers.Activation("sigmoid")(logits))


def _mlp(features: Any, sizes: list[int]) -> Any:
    for width in sizes[:-1]:
        features = layers.BatchNormalization()(layers.Dense(width, use_bias=False)(features))
        features = layers.Activation("relu")(features)
    return layers.Dense(sizes[-1])(features)


def dense(_: list[int]) -> keras.Model:
    image = keras.Input((SIZE, SIZE, 1))
    code = _mlp(layers.Flatten()(image), [512, 256, 128])
    pixels = layers.Activation("sigmoid")(_mlp(code, [256, 512, SIZE**2]))
    return keras.Model(image, layers.Reshape((SIZE, SIZE, 1))(pixels))


class Sample(layers.Layer):  # type: ignore[misc]
    """The reparameterised draw. It adds the KL divergence to the loss."""

    def call(self, code: Any) -> Any:
        mean, log_variance = ops.split(code, 2, axis=1)
        log_variance = ops.clip(log_variance, -12, 12)
        kl = -0.5 * ops.sum(1 + log_variance - ops.square(mean) - ops.exp(log_variance), axis=1)
        self.add_loss(ops.mean(kl))
        return mean + ops.exp(0.5 * log_variance) * keras.random.normal(ops.shape(mean))


def vae(_: list[int]) -> keras.Model:
    image = keras.Input((SIZE, SIZE, 1))
    latent = Sample()(_mlp(layers.Flatten()(image), [512, 256, 2 * 64]))
    pixels = layers.Activation("sigmoid")(_mlp(latent, [256, 512, SIZE**2]))
    return keras.Model(image, layers.Reshape((SIZE, SIZE, 1))(pixels))


def classifier(_: list[int]) -> keras.Model:
    image = features = keras.Input((SIZE, SIZE, 1))
    for width in (32, 64):
        features = layers.Conv2D(width, 3, padding="same")(features)
        features = layers.Activation("relu")(layers.MaxPooling2D(2)(features))
    features = layers.Dropout(0.3)(layers.Flatten()(features))
    features = layers.Dropout(0.3)(layers.Dense(128, activation="relu")(features))
    return keras.Model(image, layers.Dense(10)(features))


def squared_error(clean: Any, restored: Any) -> Any:
    """Sum squared errors over pixels, as this project's losses do."""
    return ops.sum(ops.square(restored - clean), axis=(1, 2, 3))


class EpochTurns(keras.callbacks.Callback):  # type: ignore[misc]
    def __init__(self, steps: int) -> None:
        super().__init__()
        self.turn = Turn()
        self.steps = steps

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.turn.begin()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.turn.end(steps=self.steps, parameters=self.model.count_params())


def clean_and_noisy(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first training images and noisy ones, float32 N H W 1."""
    pixels = np.fromfile(RAW / "train-images-idx3-ubyte", np.uint8, count * SIZE**2, offset=16)
    clean = pixels.reshape(count, SIZE, SIZE, 1).astype(np.float32) / 255
    noise = np.random.default_rng(seed).normal(0, 0.5, clean.shape).astype(np.float32)
    return clean, (clean + noise).clip(0, 1)


def main(steps: int, name: str, channels: list[int]) -> None:
    keras.utils.set_random_seed(0)
    model = {
        "conv_transposed": conv_transposed,
        "conv_upsample": conv_upsample,
        "dense": dense,
        "vae": vae,
        "classifier": classifier,
    }[name](channels)
    count = steps * BATCH
    clean, noisy = clean_and_noisy(count, seed=0)
    target, loss = clean, squared_error
    if name == "classifier":
        noisy, target = (
            clean,
            np.fromfile(RAW / "train-labels-idx1-ubyte", np.uint8, count, offset=8),
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(0.001, weight_decay=0.01), loss)
    turns = EpochTurns(steps)
    model.fit(noisy, target, BATCH, epochs=10**6, callbacks=[turns], verbose="auto")


if __name__ == "__main__":
    widths = sys.argv[3] if len(sys.argv) > 3 else "32,64,128"
    main(int(sys.argv[1]), sys.argv[2], [int(width) for width in widths.split(",")])
