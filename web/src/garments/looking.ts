/** What the chosen models make of a picture. */

import type { Runner } from "../inference/runner";
import type { Tensor } from "../inference/messages";
import type { Model } from "../laboratory";
import { psnr, ssim, type Size } from "../metrics";
import type { Picture } from "./picture";

/** What a classifier sees: its probability for each class. */
export interface Seen {
  by: string;
  probabilities: number[];
}

export interface Quality {
  psnr: number;
  ssim: number;
}

export interface Outcome {
  /** By the model's id. */
  restored: Map<string, { picture: Picture; quality: Quality }>;
  /** In "clean", "noisy" and what each model restored, by the model's id. */
  seen: Map<string, Seen[]>;
  /** Why a model could not be run, by its id. */
  failed: Map<string, string>;
}

export interface Question {
  clean: Picture;
  noisy: Picture;
  /** Those that have been loaded. */
  models: readonly Model[];
  latents: Readonly<Record<string, readonly number[]>>;
}

/** Runs all models. Classifiers look at the clean picture, the noisy one, and what every model restored. */
export async function look(runner: Runner, question: Question, size: Size): Promise<Outcome> {
  const { clean, noisy, models } = question;
  const outcome: Outcome = { restored: new Map(), seen: new Map(), failed: new Map() };
  const see = (where: string, by: string, probabilities: number[]): void => {
    outcome.seen.set(where, [...(outcome.seen.get(where) ?? []), { by, probabilities }]);
  };
  const attempt = async (model: Model, work: () => Promise<void>): Promise<void> => {
    await work().catch((error: Error) => outcome.failed.set(model.id, error.message));
  };
  const looked = new Map([["clean", clean], ["noisy", noisy]]);
  const restoring = models.filter(({ does }) => does !== "classifies").map((model) => {
    return attempt(model, async () => {
      const { picture, sees } = await restore(runner, model, question, size);
      outcome.restored.set(model.id, { picture, quality: compare(picture, clean, size) });
      for (const [where, probabilities] of sees) see(where, model.id, probabilities);
    });
  });
  await Promise.all(restoring);
  for (const [id, { picture }] of outcome.restored) looked.set(id, picture);
  const classifying = models.filter(({ does }) => does === "classifies").map((model) => {
    return attempt(model, async () => {
      const outputs = await runner.run(model, batch([...looked.values()], size));
      const rows = softmax(outputs[model.outputs[0]!]!);
      [...looked.keys()].forEach((where, row) => see(where, model.id, rows[row]!));
    });
  });
  await Promise.all(classifying);
  return outcome;
}

export function compare(picture: Picture, clean: Picture, size: Size): Quality {
  return { psnr: psnr(picture, clean), ssim: ssim(picture, clean, size) };
}

/** The name of the output that is a picture. */
export function pictureOutput({ does, outputs }: Model): string {
  return does === "both" ? "restored" : outputs[0]!;
}

interface Restored {
  picture: Picture;
  /** Of a model that also classifies: what it sees, and where. */
  sees: [string, number[]][];
}

async function restore(runner: Runner, model: Model, question: Question, size: Size): Promise<Restored> {
  const { clean, noisy, latents } = question;
  const moves = latents[model.id] ?? [];
  if (model.latent !== undefined && moves.some((move) => move !== 0)) {
    return { picture: await moveLatents(runner, model.latent, noisy, moves, size), sees: [] };
  }
  if (model.does === "restores") {
    const outputs = await runner.run(model, batch([noisy], size));
    return { picture: outputs[pictureOutput(model)]!.data, sees: [] };
  }
  const outputs = await runner.run(model, batch([noisy, clean], size));
  const [ofNoisy, ofClean] = softmax(outputs["logits"]!);
  const picture = outputs[pictureOutput(model)]!.data.slice(0, noisy.length);
  return { picture, sees: [["clean", ofClean!], ["noisy", ofNoisy!], [model.id, ofNoisy!]] };
}

/** Decodes the picture's own means, moved along the latents that say the most. */
async function moveLatents(
  runner: Runner,
  { encoder, decoder, order, spread, count }: NonNullable<Model["latent"]>,
  noisy: Picture,
  moves: readonly number[],
  size: Size,
): Promise<Picture> {
  await Promise.all([runner.load(encoder), runner.load(decoder)]); // loaded once
  const encoded = await runner.run(encoder, batch([noisy], size));
  const latent = encoded[encoder.outputs[0]!]!.data.slice();
  moves.forEach((move, rank) => {
    const index = order[rank]!;
    latent[index] = latent[index]! + move * spread[index]!;
  });
  const decoded = await runner.run(decoder, { data: latent, shape: [1, count] });
  return decoded[decoder.outputs[0]!]!.data;
}

export function batch(pictures: readonly Picture[], { channels, rows, columns }: Size): Tensor {
  const values = channels * rows * columns;
  const data = new Float32Array(pictures.length * values);
  pictures.forEach((picture, index) => data.set(picture, index * values));
  return { data, shape: [pictures.length, channels, rows, columns] };
}

/** Probabilities from logits of the shape images x classes. */
export function softmax({ data, shape }: Tensor): number[][] {
  const classes = shape[1]!;
  return Array.from({ length: shape[0]! }, (_, row) => {
    const logits = [...data.subarray(row * classes, (row + 1) * classes)];
    const largest = Math.max(...logits);
    const exponentials = logits.map((logit) => Math.exp(logit - largest));
    const sum = exponentials.reduce((total, value) => total + value, 0);
    return exponentials.map((value) => value / sum);
  });
}
