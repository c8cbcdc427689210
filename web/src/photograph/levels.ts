/** The brightness of a picture, all channels together. */

export interface Levels {
  /** All of 0 to 1. */
  mean: number;
  lowest: number;
  highest: number;
}

const AT_ONCE = 2 ** 22; // bytes, so that the page answers meanwhile

/** Measures them, part by part. */
export async function levelsOf(data: Uint8Array): Promise<Levels> {
  let [sum, lowest, highest] = [0, 255, 0];
  for (let first = 0; first < data.length; first += AT_ONCE) {
    const end = Math.min(first + AT_ONCE, data.length);
    for (let i = first; i < end; i++) {
      const value = data[i]!;
      sum += value;
      if (value < lowest) lowest = value;
      if (value > highest) highest = value;
    }
    if (end < data.length) await new Promise((resolve) => setTimeout(resolve));
  }
  return { mean: sum / data.length / 255, lowest: lowest / 255, highest: highest / 255 };
}
