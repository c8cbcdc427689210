/** The standard deviation of the noise in a picture, from the picture alone: estimation/noise_level.py. */

import { clippedMoments } from "./normal";
import { FEWEST_PATCHES, type Patches } from "./patches";
import { curve, evenly, quantile } from "./tables";

const STEPS = 512; // of brightness, in the table of moments
const [LOWEST, HIGHEST] = [1e-4, 2]; // standard deviations
const HALVINGS = 24;
// Of a patch's variance, relative to its mean: that of chi-squared with the patches' degrees of freedom.
const MEDIAN = 0.8156745996540852;

/**
 * Estimates the standard deviation that the noise had before it was clipped: that at which half of all
 * patches without structure would respond to the Laplacian more strongly than these do.
 *
 * @returns The standard deviation, in units of black to white. 0 if no noise is found. Null if too few
 *   patches count, or if they respond more strongly than to any noise.
 */
export function estimateStd({ means, variances }: Patches): number | null {
  if (means.length < FEWEST_PATCHES) return null;
  const noisierThan = (std: number): boolean => {
    const moments = Array.from(evenly(STEPS), (clean) => clippedMoments(clean, std));
    const expected = curve(
      moments.map(({ mean }) => mean),
      moments.map(({ variance }) => variance),
    );
    return quantile(variances.map((variance, i) => variance / expected(means[i]!)), 0.5) > MEDIAN;
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
