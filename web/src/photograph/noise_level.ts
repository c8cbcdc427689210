/** The standard deviation of the noise in a picture, from the picture alone: estimation/noise_level.py. */

import { clippedMoments } from "./normal";
import type { Picture } from "./picture";

const PATCH = 5; // pixels on a side; the picture is assumed to be even within a patch
const FEWEST_PATCHES = 100;
const MOST_PATCHES = 20_000;
const LAPLACIAN = [1, -2, 1, -2, 4, -2, 1, -2, 1]; // Immerkær (1996)
const GAIN = 36; // the sum of its squares
const STEPS = 512; // of brightness, in the table of moments
const [LOWEST, HIGHEST] = [1e-4, 2]; // standard deviations
const HALVINGS = 24;
// Of a patch's variance, relative to its mean: that of chi-squared with the degrees of freedom that
// estimation/noise_level.py derives from the operator.
const MEDIAN = 0.8156745996540852;

interface Patches {
  means: number[];
  variances: number[];
}

/**
 * Estimates the standard deviation that the noise had before it was clipped: that at which half of all
 * patches without structure would respond to the Laplacian more strongly than these do.
 *
 * @returns The standard deviation, in units of black to white. 0 if no noise is found. Null if too few
 *   patches count, or if they respond more strongly than to any noise.
 */
export function estimateStd(picture: Picture): number | null {
  const { means, variances } = patchStatistics(picture);
  if (means.length < FEWEST_PATCHES) return null;
  const noisierThan = (std: number): boolean => {
    const moments = Array.from({ length: STEPS }, (_, i) => clippedMoments(i / (STEPS - 1), std));
    const expected = curve(
      moments.map(({ mean }) => mean),
      moments.map(({ variance }) => variance),
    );
    return median(variances.map((variance, i) => variance / expected(means[i]!))) > MEDIAN;
  };
  if (noisierThan(HIGHEST)) return null;
  if (!noisierThan(LOWEST)) return 0;
  let [low, high] = [LOWEST, HIGHEST];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = Math.sqrt(low * high);
    [low, high] = noisierThan(middle) ? [middle, high] : [low, middle];
  }
  return low;
}

/** Mean and variance of patches that are evenly spread, without those that are all black or white. */
function patchStatistics({ data, width, height, channels }: Picture): Patches {
  const patches: Patches = { means: [], variances: [] };
  const count = channels * (height - PATCH + 1) * (width - PATCH + 1);
  if (Math.min(height, width) < PATCH) return patches;
  const step = Math.ceil(Math.sqrt(count / MOST_PATCHES));
  const patch = new Float64Array(PATCH * PATCH);
  for (let channel = 0; channel < channels; channel++) {
    for (let top = 0; top <= height - PATCH; top += step) {
      for (let left = 0; left <= width - PATCH; left += step) {
        let [sum, cut] = [0, true];
        for (let i = 0; i < patch.length; i++) {
          const pixel = (top + Math.floor(i / PATCH)) * width + left + (i % PATCH);
          const value = data[pixel * channels + channel]!;
          patch[i] = value / 255;
          sum += patch[i]!;
          cut &&= value === 0 || value === 255;
        }
        if (cut) continue;
        patches.means.push(sum / patch.length);
        patches.variances.push(response(patch));
      }
    }
  }
  return patches;
}

/** The mean square of the Laplacian's responses in a patch, in units of the noise's variance. */
function response(patch: Float64Array): number {
  let squares = 0;
  const places = PATCH - 2;
  for (let place = 0; place < places * places; place++) {
    const first = Math.floor(place / places) * PATCH + (place % places);
    let sum = 0;
    for (let i = 0; i < 9; i++) sum += LAPLACIAN[i]! * patch[first + Math.floor(i / 3) * PATCH + (i % 3)]!;
    squares += sum * sum;
  }
  return squares / (places * places * GAIN);
}

/** The function that is linear between points whose x rises, and constant outside. */
function curve(x: number[], y: number[]): (at: number) => number {
  return (at) => {
    let [low, high] = [0, x.length - 1];
    if (at <= x[low]!) return y[low]!;
    if (at >= x[high]!) return y[high]!;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (x[middle]! <= at) low = middle;
      else high = middle;
    }
    const share = (at - x[low]!) / (x[high]! - x[low]!);
    return y[low]! + share * (y[high]! - y[low]!);
  };
}

function median(values: number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
