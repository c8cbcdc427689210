/** Turns what the network restores into bytes, without the bias of noise that was cut. */

import { estimateStd } from "./noise_level";
import { clippedMoments } from "./normal";
import type { Picture } from "./picture";

const PARTS = 1024; // of the way from black to white

export type ToByte = (value: number) => number;

/**
 * Noise that was cut to [0, 1] makes black brighter and white darker in the mean. The network estimates
 * that mean, and the curve of means is inverted, as restoration/clipping.py does (Foi 2009).
 */
export function toByteFor(picture: Picture): ToByte {
  const std = isClipped(picture.data) ? estimateStd(picture) : null;
  return std ? rounding((clean) => clippedMoments(clean, std).mean) : rounding((clean) => clean);
}

/** Finds the byte whose mean is nearest: so many limits between bytes lie below the value. */
function rounding(mean: (clean: number) => number): ToByte {
  const limits = Float64Array.from({ length: 255 }, (_, byte) => mean((byte + 0.5) / 255));
  // How many limits lie below each of some values, from which it is not far to go.
  const begin = Uint8Array.from(
    { length: PARTS + 1 },
    (_, part) => limits.filter((l) => l <= part / PARTS).length,
  );
  return (value) => {
    let byte = begin[(Math.min(Math.max(value, 0), 1) * PARTS) | 0]!;
    while (byte < 255 && limits[byte]! <= value) byte++;
    return byte;
  };
}

function isClipped(data: Uint8Array): boolean {
  return data.includes(0) || data.includes(255);
}
