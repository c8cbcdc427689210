/**
 * The project's noises, as datamodules/noise.py defines them. Levels are in units of the [0, 1] range of the
 * clean image, or probabilities. Each value of a colour image has noise of its own; only dropout removes
 * whole pixels.
 */

import { Random } from "./random";

/** As conf/noise names them. */
export const KINDS = ["gaussian", "uniform", "speckle", "poisson", "salt_and_pepper", "dropout"] as const;
export type Kind = (typeof KINDS)[number];

export interface Noise {
  kind: Kind;
  /** How strong it is, see `DRAW`. 0 is no noise. */
  level: number;
  /** Cut the noisy values to [0, 1], as a sensor or an image file does. */
  clip: boolean;
}

/** Kinds whose values never leave [0, 1], so that clipping changes nothing. */
export const STAYS_INSIDE: ReadonlySet<Kind> = new Set<Kind>(["salt_and_pepper", "dropout"]);

type Draw = (clean: Float32Array, level: number, random: Random, pixels: number) => Float32Array;

const DRAW: Record<Kind, Draw> = {
  /** The level is the standard deviation. */
  gaussian: (clean, level, random) => clean.map((value) => value + level * random.normal()),

  /** The level is half the width of the interval about 0. */
  uniform: (clean, level, random) => clean.map((value) => value + level * (2 * random.uniform() - 1)),

  /** clean * (1 + n). The level is the standard deviation of n. */
  speckle: (clean, level, random) => clean.map((value) => value * (1 + level * random.normal())),

  /** Poisson(peak * clean) / peak. The level is the standard deviation at white, 1 / sqrt(peak). */
  poisson: (clean, level, random) => {
    if (level === 0) return clean.slice(); // endless light
    const peak = level ** -2;
    return clean.map((value) => random.poisson(peak * Math.max(value, 0)) / peak);
  },

  /** The level is the probability that a value becomes black or white, with equal chance. */
  salt_and_pepper: (clean, level, random) =>
    clean.map((value) => {
      const chance = random.uniform();
      if (chance < level / 2) return 0;
      return chance >= 1 - level / 2 ? 1 : value;
    }),

  /** The level is the probability that a pixel becomes black, in all channels together. */
  dropout: (clean, level, random, pixels) => {
    const lost = Array.from({ length: pixels }, () => random.uniform() < level);
    return clean.map((value, position) => (lost[position % pixels] ? 0 : value));
  },
};

/**
 * Returns the noisy image, a new array.
 *
 * A seed stands for one pattern of chance. At another level it is the same pattern, stronger or weaker.
 * @param clean Channel, row, column; values in [0, 1].
 * @param pixels How many pixels a channel has.
 * @param seed An integer in [0, 2^32).
 */
export function addNoise(noise: Noise, clean: Float32Array, pixels: number, seed: number): Float32Array {
  const noisy = DRAW[noise.kind](clean, noise.level, new Random(seed), pixels);
  return noise.clip ? noisy.map((value) => Math.min(Math.max(value, 0), 1)) : noisy;
}
