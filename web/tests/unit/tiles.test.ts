import { describe, expect, it } from "vitest";
import { smallest, tiling, type Cut } from "../../src/photograph/tiles";

const photo: Cut = { tile: 512, overlap: 121, grid: 8, margin: 32 };

// What restoration.tiles.smallest and tiling give in Python: the smallest tile, the starts for that tile, and
// every tenth of the last tile's first weights.
const PYTHON: [number, Cut, number, number[], number[]][] = [
  [100, { tile: 128, overlap: 16, grid: 8, margin: 4 }, 100, [0], [1, 1, 1, 1, 1, 1]],
  [700, photo, 420, [0, 280], [0, 0, 0, 0, 0.041131, 0.164833]],
  [515, photo, 323, [0, 192], [0, 0, 0, 0, 0.041858, 0.18244]],
  [1280, photo, 512, [0, 384, 768], [0, 0, 0, 0, 0.042895, 0.192384]],
  [
    4001,
    photo,
    481,
    [0, 352, 704, 1056, 1408, 1760, 2112, 2464, 2816, 3168, 3520],
    [0, 0, 0, 0, 0.042496, 0.188802],
  ],
  [
    6000,
    photo,
    496,
    [0, 360, 728, 1096, 1464, 1832, 2200, 2568, 2928, 3296, 3664, 4032, 4400, 4768, 5136, 5504],
    [0, 0, 0, 0, 0.042895, 0.192384],
  ],
  [
    997,
    { tile: 96, overlap: 20, grid: 8, margin: 5 },
    93,
    [0, 64, 128, 192, 256, 320, 384, 448, 512, 576, 640, 704, 768, 832, 904],
    [0, 0.5, 1, 1, 1, 1],
  ],
  [61, { tile: 24, overlap: 7, grid: 1, margin: 2 }, 21, [0, 13, 26, 40], [0, 1, 1]],
];

describe.each(PYTHON)("a side of %i pixels", (size, cut, least, starts, weights) => {
  const cutting = tiling(size, { ...cut, tile: smallest(size, cut) });

  it("is cut as in Python", () => {
    expect(smallest(size, cut)).toBe(least);
    expect(cutting.tile).toBe(least);
    expect(cutting.starts).toEqual(starts);
    const some = cutting.weights
      .at(-1)!
      .filter((_, i) => i % 10 === 0)
      .slice(0, 6);
    weights.forEach((weight, i) => expect(some[i]).toBeCloseTo(weight, 5));
  });

  it("has weights that sum to one for each pixel, and are nowhere below zero", () => {
    const total = new Float64Array(size);
    cutting.weights.forEach((weight, n) => {
      weight.forEach((w, i) => (total[cutting.starts[n]! + i]! += w));
      expect(Math.min(...weight)).toBeGreaterThanOrEqual(0);
    });
    for (const sum of total) expect(sum).toBeCloseTo(1, 6);
  });

  it("ends with its last tile", () => {
    expect(cutting.starts.at(-1)! + cutting.tile).toBe(size);
  });
});
