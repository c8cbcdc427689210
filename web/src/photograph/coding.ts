/** How a picture's bytes become the network's values, and these become bytes again. */

import { stabilised, unstabilising } from "./growing/anscombe";
import { estimateGrowing, type SensorNoise } from "./growing/sensor_noise";
import type { Levels } from "./levels";
import { estimateStd } from "./noise_level";
import { clippedMoments } from "./normal";
import type { Patches } from "./patches";
import { crossing } from "./tables";

export interface Coding {
  /** What the network is given for each byte. */
  values: Float32Array;
  /** The restored values at which the next byte is nearer: 255, which rise. */
  limits: Float64Array;
  /** The noise whose variance is made even. Null if it is even, or cannot be told. */
  growing: SensorNoise | null;
}

/**
 * Chooses it as denoise.py does with the network's helpers. If the noise grows with the light, its variance
 * is made even. Otherwise, if the noise was cut to [0, 1], the bias of that is undone.
 */
export function codingFor(patches: Patches, levels: Levels): Coding {
  const growing = estimateGrowing(patches, levels.mean);
  if (growing) return evening(growing, levels);
  const clipped = levels.lowest === 0 || levels.highest === 1;
  const std = clipped ? estimateStd(patches) : null;
  // Noise that was cut makes black brighter and white darker in the mean. The network estimates that mean,
  // and the curve of means is inverted, as restoration/clipping.py does (Foi 2009).
  const limits = std ? HALVES.map((clean) => clippedMoments(clean, std).mean) : HALVES;
  return { values: BYTES, limits, growing };
}

const BYTES = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);
const HALVES = Float64Array.from({ length: 255 }, (_, byte) => (byte + 0.5) / 255); // between bytes

/** The picture's stabilised values go from 0 to 1: estimation/stabilising.py. */
function evening(growing: SensorNoise, { lowest, highest }: Levels): Coding {
  const low = stabilised(lowest, growing);
  const width = stabilised(highest, growing) - low || 1;
  const clean = unstabilising(growing);
  const most = stabilised(2, growing); // the mean of white is below
  const limits = HALVES.map((half) =>
    half <= growing.black ? -Infinity : (crossing(clean, half, 0, most) - low) / width,
  );
  return { values: BYTES.map((value) => (stabilised(value, growing) - low) / width), limits, growing };
}
