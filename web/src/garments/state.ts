/** What the room shows, and the part of the page's address that says so: "image=3&noise=gaussian&…". */

import type { Laboratory } from "../laboratory";
import type { Size } from "../metrics";
import { KINDS, type Kind } from "../noise/noise";
import { SEEDS } from "../noise/random";
import { readSettings } from "../noise/trained";
import { decode, encode, type Drawing } from "./drawing";

export interface State {
  /** The test image that is chosen. */
  image: number;
  /** What is shown in its place, if the visitor draws. */
  drawing: Drawing | null;
  noise: Kind;
  strength: number;
  clip: boolean;
  seed: number;
  /** Ids of the chosen models. */
  models: readonly string[];
  /** Of a VAE, by its id: how far its first latents are moved, in their standard deviations. */
  latents: Readonly<Record<string, readonly number[]>>;
}

export const MAX_STRENGTH = 1; // of every kind; more leaves nothing to restore
export const MOVED_LATENTS = 8; // those that say the most
export const MAX_MOVE = 3; // standard deviations

/** The first model that restores images, under the noise that it was trained with. */
export function firstState(laboratory: Laboratory): State {
  const first = laboratory.models.find((model) => model.does !== "classifies");
  const trained = first === undefined ? null : readSettings(first.noise);
  return {
    image: 0,
    drawing: null,
    noise: trained?.kind ?? "gaussian",
    strength: hundredths(Math.min(trained?.high ?? 0.5, MAX_STRENGTH)),
    clip: trained?.clip ?? true,
    seed: 1,
    models: first === undefined ? [] : [first.id],
    latents: {},
  };
}

export function writeState(state: State): string {
  const parts: string[] = [];
  if (state.drawing === null) parts.push(`image=${state.image}`);
  else parts.push(`drawing=${encode(state.drawing)}`);
  parts.push(`noise=${state.noise}`, `strength=${state.strength}`, `clip=${state.clip ? 1 : 0}`);
  parts.push(`seed=${state.seed}`, `models=${state.models.map(encodeURIComponent).join(",")}`);
  for (const [id, moves] of Object.entries(state.latents)) {
    if (moves.some((move) => move !== 0)) {
      parts.push(`latents.${encodeURIComponent(id)}=${moves.join(",")}`);
    }
  }
  return parts.join("&");
}

/** Reads an address. What is wrong in it is left at its default, and named in `ignored`. */
export function readState(
  address: string,
  laboratory: Laboratory,
  size: Size,
): { state: State; ignored: string[] } {
  const state = firstState(laboratory);
  const ignored: string[] = [];
  for (const [name, text] of new URLSearchParams(address)) {
    const change = read(name, text, laboratory, size);
    if (change === null) ignored.push(`${name}=${text.length > 40 ? `${text.slice(0, 40)}…` : text}`);
    else Object.assign(state, change, { latents: { ...state.latents, ...change.latents } });
  }
  return { state, ignored };
}

function read(name: string, text: string, laboratory: Laboratory, size: Size): Partial<State> | null {
  switch (name) {
    case "image": {
      const image = whole(text, laboratory.images.shape[0]);
      return image === null ? null : { image };
    }
    case "drawing": {
      const drawing = decode(text, size);
      return drawing === null ? null : { drawing };
    }
    case "noise": {
      const noise = KINDS.find((kind) => kind === text);
      return noise === undefined ? null : { noise };
    }
    case "strength": {
      const strength = number(text, 0, MAX_STRENGTH);
      return strength === null ? null : { strength: hundredths(strength) };
    }
    case "clip":
      return text === "0" || text === "1" ? { clip: text === "1" } : null;
    case "seed": {
      const seed = whole(text, SEEDS);
      return seed === null ? null : { seed };
    }
    case "models": {
      const models = text === "" ? [] : text.split(",");
      const known = models.every((id) => laboratory.models.some((model) => model.id === id));
      return known ? { models: [...new Set(models)] } : null;
    }
    default:
      return readLatents(name, text, laboratory);
  }
}

function readLatents(name: string, text: string, laboratory: Laboratory): Partial<State> | null {
  const model = laboratory.models.find(({ id, latent }) => latent && name === `latents.${id}`);
  const moves = text.split(",").map((move) => number(move, -MAX_MOVE, MAX_MOVE));
  if (model === undefined || moves.length > MOVED_LATENTS || moves.includes(null)) return null;
  return { latents: { [model.id]: moves as number[] } };
}

function number(text: string, low: number, high: number): number | null {
  const value = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  return value >= low && value <= high ? value : null;
}

function whole(text: string, below: number): number | null {
  return /^\d+$/.test(text) && Number(text) < below ? Number(text) : null;
}

function hundredths(value: number): number {
  return Math.round(100 * value) / 100;
}
