/** Mean and variance of small patches, from which the noise is estimated: estimation/noise_level.py. */

import type { Picture } from "./picture";

export const FEWEST_PATCHES = 100; // from which noise is estimated
/**
 * Without structure, a patch's variance is that of the noise times a chi-squared variable of mean 1, with
 * these degrees of freedom. estimation/noise_level.py derives them from the operator.
 */
export const FREEDOM = 3.4673008323424495;

const PATCH = 5; // pixels on a side; the picture is assumed to be even within a patch
const MOST_PATCHES = 20_000;
const LAPLACIAN = [1, -2, 1, -2, 4, -2, 1, -2, 1]; // Immerkær (1996)
const GAIN = 36; // the sum of its squares

export interface Patches {
  means: Float64Array;
  variances: Float64Array;
}

/** Patches that are evenly spread, without those that are all black or all white. */
export function patchesOf({ data, width, height, channels }: Picture): Patches {
  const means: number[] = [];
  const variances: number[] = [];
  const count = channels * Math.max(height - PATCH + 1, 0) * Math.max(width - PATCH + 1, 0);
  const step = Math.max(Math.ceil(Math.sqrt(count / MOST_PATCHES)), 1);
  const patch = new Float64Array(PATCH * PATCH);
  for (let channel = 0; channel < channels; channel++) {
    for (let top = 0; top <= height - PATCH; top += step) {
      for (let left = 0; left <= width - PATCH; left += step) {
        let [sum, cut] = [0, true];
        for (let i = 0; i < patch.length; i++) {
          const pixel = (top + Math.floor(i / PATCH)) * width + left + (i % PATCH);
          const value = data[pixel * channels + channel]!;
          patch[i] = Math.fround(value / 255);
          sum += patch[i]!;
          cut &&= value === 0 || value === 255;
        }
        if (cut) continue;
        means.push(sum / patch.length);
        variances.push(response(patch));
      }
    }
  }
  return { means: Float64Array.from(means), variances: Float64Array.from(variances) };
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
