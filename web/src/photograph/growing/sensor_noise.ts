/** How noise grows with the light, judged by one picture alone: estimation/sensor_noise.py. */

import { clippedMoments } from "../normal";
import { FEWEST_PATCHES, FREEDOM, type Patches } from "../patches";
import { evenly, quantile } from "../tables";
import { minimise, type Minimum } from "./nelder_mead";

/** The variance is a max(x - black, 0) + b for a clean value x in [0, 1]. a and b are above 0. */
export interface SensorNoise {
  a: number;
  b: number;
  /** The value where no light is counted, as the offset of a sensor. */
  black: number;
}

const GRID = evenly(256); // brightness, in the table of moments
const [LEAST, MOST] = [1e-9, 4]; // variances
const STRUCTURE = 1 / 12; // density over the log of the variance of patches with structure
const STARTS = [0.01, 0.5, 0.99]; // shares of the variance at white that grow with the light
const DARK = 0.05; // share of the patches that may be darker than black, by their noise
const ALMOST_0 = 1e-4; // b over a
const OFFSET_GAIN = 0.01; // log likelihood of a patch that black must bring
// Log density of the log of a patch's variance without structure, over its mean, where both are equal, and
// FREEDOM / 2 more: estimation/sensor_noise.py computes it.
const EVEN = 1.042249828104602;
const AT_ONCE = 8; // likelihoods whose product cannot be too small for a number; their log is slow
// The least share of the noise's variance at mean brightness that grows with the light. With less, the
// noise is as even as it needs to be, and the estimate is uncertain.
const GROWING = 0.5;

/**
 * Estimates noise that grows with the light. Null if the noise is even or cannot be estimated.
 *
 * @param mean The picture's, of 0 to 1.
 */
export function estimateGrowing(patches: Patches, mean: number): SensorNoise | null {
  const noise = estimateSensorNoise(patches);
  if (noise === null) return null;
  const growing = noise.a * Math.max(mean - noise.black, 0);
  return growing > GROWING * (growing + noise.b) ? noise : null;
}

/**
 * Estimates the noise of a picture that was cut to [0, 1], as one in bytes is.
 *
 * Patches either are even, so that their variance is that of the noise times a chi-squared variable, or have
 * structure and may have any variance. Both kinds are fitted by maximum likelihood, with their share. Black
 * is 0, unless even b = 0 is too high, and a higher black makes the picture much more likely.
 *
 * @returns Null where fewer than a hundred patches say something.
 */
export function estimateSensorNoise(patches: Patches): SensorNoise | null {
  const { means, variances } = patches;
  if (means.length < FEWEST_PATCHES || !(quantile(variances, 0.5) > 0)) return null;
  const darkest = Math.max(quantile(means, DARK), 0);
  const noiseOf = (guess: readonly number[]): SensorNoise => {
    const [a, b] = [guess[0]!, guess[1]!].map((log) => clip(Math.exp(log), LEAST, MOST)) as [number, number];
    return { a, b, black: clip(guess[3] ?? 0, 0, darkest) };
  };
  const unlikelihood = unlikelihoodOf(patches);
  // Guesses are log a, log b, the log odds of a patch without structure, and black unless it is 0.
  const best = (guesses: number[][]): Minimum =>
    guesses
      .map((guess) => minimise((x) => unlikelihood(noiseOf(x), 1 / (1 + Math.exp(-x[2]!))), guess))
      .reduce((best, other) => (other.value < best.value ? other : best));
  // Even where most patches have structure, some have little.
  const mean = means.reduce((sum, value) => sum + value, 0) / means.length;
  const level = Math.max(quantile(variances, 0.3) / Math.max(mean, 0.05), LEAST);
  const starts = STARTS.map((share) => [Math.log(level * share), Math.log(level * (1 - share)), 0]);
  const found = best(starts);
  const noise = noiseOf(found.x);
  if (noise.b > ALMOST_0 * noise.a) return noise; // a black level would only make b lower
  const offset = best(starts.map((start) => [...start, darkest / 2]));
  return found.value - offset.value > OFFSET_GAIN ? noiseOf(offset.x) : noise;
}

/** The mean negative log likelihood of a patch, for a noise and the share of patches without structure. */
function unlikelihoodOf({ means, variances }: Patches): (noise: SensorNoise, share: number) => number {
  // In the order of their means, the patches pass through the table once.
  const order = Uint32Array.from(means.keys()).sort((one, other) => means[one]! - means[other]!);
  const sorted = Float64Array.from(order, (i) => means[i]!);
  const responses = Float64Array.from(order, (i) => Math.max(variances[i]!, LEAST * 1e-3));
  return ({ a, b, black }, share) => {
    const [x, y] = [new Float64Array(GRID.length), new Float64Array(GRID.length)];
    GRID.forEach((clean, i) => {
      const moments = clippedMoments(clean, Math.sqrt(a * Math.max(clean - black, 0) + b));
      [x[i], y[i]] = [moments.mean, moments.variance];
    });
    const end = x.length - 1;
    let [sum, product, next] = [0, 1, 0];
    for (let i = 0; i < sorted.length; i++) {
      const at = sorted[i]!;
      while (next <= end && x[next]! <= at) next++;
      let expected = y[Math.min(next, end)]!;
      if (next > 0 && next <= end) {
        const way = (at - x[next - 1]!) / (x[next]! - x[next - 1]!);
        expected = y[next - 1]! + way * (expected - y[next - 1]!);
      }
      const ratio = responses[i]! / expected;
      const even = Math.exp(EVEN + (FREEDOM / 2) * (Math.log(ratio) - ratio));
      product *= share * even + (1 - share) * STRUCTURE;
      if (i % AT_ONCE === 0) {
        sum += Math.log(product);
        product = 1;
      }
    }
    sum += Math.log(product);
    return -sum / sorted.length;
  };
}

function clip(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
