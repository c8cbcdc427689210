/**
 * Noise that grows with the light, made even: the generalised Anscombe transform and its exact unbiased
 * inverse (Murtagh et al. 1995; Mäkitalo and Foi 2011, 2013), as in estimation/anscombe.py.
 */

import { curve, evenly } from "../tables";
import { gaussLegendre } from "./quadrature";
import type { SensorNoise } from "./sensor_noise";

const NODES = 64; // of the quadrature over the normal part
const KNOTS = 1000; // of the inverse's table
const MANY_PHOTONS = 500; // from where the closed form is off by less than 3e-4 standard deviations
const REACH = 9; // standard deviations, beyond which a normal variable is not

/** Transforms a value so that its noise has a standard deviation of 1. Values without a root become 0. */
export function stabilised(noisy: number, { a, b, black }: SensorNoise): number {
  return 2 * Math.sqrt(Math.max((noisy - black) / a + 3 / 8 + b / a ** 2, 0));
}

/**
 * The clean value whose noisy ones have a mean after `stabilised`. The plain inverse of a mean is not the
 * mean of the inverse: it would be too dark where there is little light.
 */
export function unstabilising({ a, b, black }: SensorNoise): (mean: number) => number {
  const variance = b / a ** 2; // of the normal part, in squared photons
  const photons = evenly(KNOTS).map((x) => MANY_PHOTONS * x ** 2); // the transform bends most near black
  const means = meansOf(photons, variance);
  const few = curve(means, photons);
  return (mean) => black + a * (mean < means.at(-1)! ? few(mean) : many(mean, variance));
}

/** The closed form of the inverse, for many photons. */
function many(mean: number, variance: number): number {
  const root = Math.sqrt(1.5);
  const series = root / 4 / mean - 11 / 8 / mean ** 2 + (5 * root) / 8 / mean ** 3;
  return Math.max(mean ** 2 / 4 + series - 1 / 8 - variance, 0);
}

/**
 * The means of stabilised values, integrated over the noise.
 *
 * @param photons Mean counts, in rising order.
 * @param variance Of the normal part, in squared photons, above 0.
 */
export function meansOf(photons: Float64Array, variance: number): Float64Array {
  const most = photons.at(-1)!;
  const counts = Math.ceil(most + 12 * Math.sqrt(most) + 40);
  const root = meanRoots(counts, variance);
  const factorial = new Float64Array(counts); // its log
  for (let n = 1; n < counts; n++) factorial[n] = factorial[n - 1]! + Math.log(n);
  return photons.map((rate) => {
    if (rate === 0) return root[0]!;
    const log = Math.log(rate);
    let mean = 0;
    for (let n = 0; n < counts; n++) mean += Math.exp(n * log - rate - factorial[n]!) * root[n]!;
    return mean;
  });
}

/**
 * The mean of 2 sqrt(max(y, 0)) for each count, where y is normal around what the transform's root is of.
 * The variable of the integral is u = sqrt(y), in which nothing has a kink at 0.
 */
function meanRoots(counts: number, variance: number): Float64Array {
  const std = Math.sqrt(variance);
  const { nodes, weights } = gaussLegendre(NODES);
  return Float64Array.from({ length: counts }, (_, count) => {
    const mean = count + 3 / 8 + variance;
    const low = Math.sqrt(Math.max(mean - REACH * std, 0));
    const high = Math.sqrt(Math.max(mean + REACH * std, 0));
    let sum = 0;
    for (let i = 0; i < NODES; i++) {
      const u = (low + high) / 2 + ((high - low) / 2) * nodes[i]!;
      sum += weights[i]! * 4 * u ** 2 * Math.exp(-(((u ** 2 - mean) / std) ** 2) / 2);
    }
    return ((high - low) / 2) * (sum / (std * Math.sqrt(2 * Math.PI)));
  });
}
