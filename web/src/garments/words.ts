/** The room's texts. */

import type { Model } from "../laboratory";
import type { Kind } from "../noise/noise";

export const NOISES: Record<Kind, { title: string; strength: string; says: string }> = {
  gaussian: {
    title: "Gaussian",
    strength: "standard deviation",
    says: "Each value gets a random number from a bell curve, as the electronics of a sensor add it.",
  },
  uniform: {
    title: "Uniform",
    strength: "half width",
    says: "Each value gets a random number, and all numbers in an interval about 0 are equally likely.",
  },
  speckle: {
    title: "Speckle",
    strength: "standard deviation at white",
    says: "Each value is multiplied by a random number about 1, as in radar images: black stays black.",
  },
  poisson: {
    title: "Poisson",
    strength: "standard deviation at white",
    says: "Light arrives in photons, and their number varies: the fewer there are, the grainier the picture.",
  },
  salt_and_pepper: {
    title: "Salt and pepper",
    strength: "share of values",
    says: "Some values are replaced by black or by white, as dead and hot pixels of a sensor are.",
  },
  dropout: {
    title: "Dropout",
    strength: "share of pixels",
    says: "Some pixels are missing, and black stands in their place.",
  },
};

/** The strength as a number, and its unit. */
export function describeStrength(kind: Kind, strength: number): { number: string; unit: string } {
  const name = NOISES[kind].strength;
  if (kind === "salt_and_pepper" || kind === "dropout") {
    return { number: `${Math.round(100 * strength)} %`, unit: name };
  }
  const number = strength.toFixed(2);
  if (kind === "gaussian" || kind === "uniform") return { number, unit: `${name}, where white is 1` };
  if (kind === "speckle") return { number, unit: `${name}, which is 1` };
  const photons = strength ** -2;
  const light = strength === 0 ? "endless light" : `${photons.toFixed(photons < 10 ? 1 : 0)} photons`;
  return { number, unit: `${name}: ${light}` };
}

const MODELS: Record<string, { title: string; says: string }> = {
  dense: {
    title: "Dense autoencoder",
    says: "Squeezes all pixels at once through a few numbers: what fits through is garment, not noise.",
  },
  vae: {
    title: "Variational autoencoder",
    says: "Encodes a picture as a cloud of possible codes; a code nearby decodes to a similar garment.",
  },
  conv_upsample: {
    title: "Convolutional, upsampling",
    says: "Looks for the same small patterns everywhere, shrinks the picture, and enlarges it again.",
  },
  conv_transposed: {
    title: "Convolutional, transposed",
    says: "Shrinks the picture by convolutions and learns how to enlarge it by transposed ones.",
  },
  unet: {
    title: "U-Net",
    says: "Its skip connections carry details past the narrow middle, so edges stay sharp.",
  },
  residual_unet: {
    title: "Residual U-Net",
    says: "A U-Net of blocks that learn only what to change; skip connections carry the rest past them.",
  },
  dncnn: {
    title: "DnCNN",
    says: "Has no narrow middle: it predicts the noise itself and subtracts it.",
  },
  classifier: {
    title: "Classifier",
    says: "Does not restore: it says how likely each kind of garment is, and noise misleads it.",
  },
  composite: {
    title: "Denoiser and classifier",
    says: "Restores the picture first and then says what it sees in the restored one.",
  },
};

/** Its title, with its id where the page has several of the kind. */
export function titleOf(model: Model, all: readonly Model[]): string {
  const title = MODELS[model.kind]?.title ?? model.kind;
  return all.filter(({ kind }) => kind === model.kind).length > 1 ? `${title} (${model.id})` : title;
}

export function sentenceOf(model: Model): string {
  return MODELS[model.kind]?.says ?? "";
}

export const INTRODUCTION =
  "Add noise to a picture and see what neural networks that were trained to remove it make of it.";

export const WORDS: readonly (readonly [string, string])[] = [
  [
    "Autoencoder",
    "A network that encodes a picture as few numbers and decodes them to a picture; trained on noisy " +
      "pictures and their clean versions, it learns to drop the noise.",
  ],
  [
    "Latents",
    "The numbers in the middle, between encoder and decoder; those of a variational autoencoder can be " +
      "moved by sliders.",
  ],
  ["Skip connection", "A way round the narrow middle, on which details reach the restored picture directly."],
  [
    "Classifier",
    "A network that names what it sees, with a probability for each class; what noise does to it shows " +
      "how much restoring helps.",
  ],
  [
    "PSNR",
    "Peak signal-to-noise ratio in decibels: the mean squared error against white, on a logarithmic scale; " +
      "10 dB more is a tenth of the error, and 100 dB is the most that is shown.",
  ],
  [
    "SSIM",
    "Structural similarity: compares brightness, contrast and pattern in small windows; 1 is the clean " +
      "picture, 0 is nothing alike.",
  ],
  [
    "Clipping",
    "Noisy values below black or above white are cut, as an image file does; without it the networks get " +
      "them all.",
  ],
];
