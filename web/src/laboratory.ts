/** What the page has: `laboratory.json`, which `python export.py format=web` writes beside index.html. */

export interface Laboratory {
  /** The project's name and version. */
  project: string;
  images: Images;
  models: Model[];
  /** The weights that restore photographs. */
  photograph: PhotographModel;
}

/** Clean test images to choose from. */
export interface Images {
  /** Bytes, one after the other: image, channel, row, column; 0 is black and 255 is white. */
  file: string;
  /** How many images, channels, rows and columns. */
  shape: [number, number, number, number];
  labels: number[];
  classNames: string[];
  /** The data set's name, and the licence of its images. */
  name: string;
  licence: string;
}

/** A file of ONNX, with the names of what goes in and what comes out. */
export interface Network {
  file: string;
  bytes: number;
  input: string;
  outputs: string[];
}

/** A setting of a noise, or its name: {name: "Gaussian", std: 0.5, clip: true}. */
export type NoiseSettings = { name: string } & Record<string, unknown>;

export interface Model extends Network {
  /** Unique, for the address of the page. */
  id: string;
  /** Its kind, in the words of conf/model: "conv_transposed", "vae", "classifier", … */
  kind: string;
  /** What it does: "restores" images, "classifies" them, or both, one after the other. */
  does: "restores" | "classifies" | "both";
  parameters: number;
  /** The noise that it was trained with. */
  noise: NoiseSettings;
  /** PSNR on test images in dB, with that noise, if it has been measured. */
  psnr: number | null;
  /** Of a VAE: its two halves. */
  latent?: Latent;
}

/** The halves of a VAE: noisy image -> means of its latents -> restored image. */
export interface Latent {
  count: number;
  encoder: Network;
  decoder: Network;
  /** Latents by how much they say about validation images, the most first. */
  order: number[];
  /** Standard deviation over validation images of each latent's mean, in the latents' own order. */
  spread: number[];
}

export interface PhotographModel extends Network {
  name: string;
}

/** Thrown for a mistake that the visitor can understand. Its message is one line. */
export class Mistake extends Error {}

export async function loadLaboratory(): Promise<Laboratory> {
  const answer = await fetch("laboratory.json");
  if (!answer.ok) {
    throw new Mistake("laboratory.json is missing: this folder was not written by export.py format=web");
  }
  return (await answer.json()) as Laboratory;
}
