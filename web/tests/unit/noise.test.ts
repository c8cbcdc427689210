import { expect, test } from "vitest";
import { addNoise, KINDS, STAYS_INSIDE, type Kind } from "../../src/noise/noise";
import { readSettings } from "../../src/noise/trained";

const DRAWS = 100_000;
const LEVEL = 0.4;

/** Mean and variance of a noisy value, from the definitions. */
const LAW: Record<Kind, (clean: number) => [number, number]> = {
  gaussian: (clean) => [clean, LEVEL ** 2],
  uniform: (clean) => [clean, LEVEL ** 2 / 3],
  speckle: (clean) => [clean, (clean * LEVEL) ** 2],
  poisson: (clean) => [clean, clean * LEVEL ** 2],
  salt_and_pepper: (clean) => {
    const mean = (1 - LEVEL) * clean + LEVEL / 2;
    return [mean, (1 - LEVEL) * clean ** 2 + LEVEL / 2 - mean ** 2];
  },
  dropout: (clean) => [(1 - LEVEL) * clean, LEVEL * (1 - LEVEL) * clean ** 2],
};

const noisy = (kind: Kind, clean: Float32Array, level = LEVEL, clip = false, seed = 1): Float32Array => {
  return addNoise({ kind, level, clip }, clean, clean.length, seed);
};

test.each(KINDS)("%s noise has the mean and the variance of its definition", (kind) => {
  for (const value of [0, 0.25, 0.9]) {
    const draws = noisy(kind, new Float32Array(DRAWS).fill(value));
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / DRAWS;
    const squares = draws.map((draw) => (draw - mean) ** 2);
    const variance = squares.reduce((sum, square) => sum + square, 0) / DRAWS;
    const fourth = squares.reduce((sum, square) => sum + square ** 2, 0) / DRAWS;
    const [lawMean, lawVariance] = LAW[kind](Math.fround(value));
    const rounding = 1e-6;
    expect(Math.abs(mean - lawMean)).toBeLessThan(4 * Math.sqrt(variance / DRAWS) + rounding);
    const error = Math.sqrt(Math.max(fourth - variance ** 2, 0) / DRAWS);
    expect(Math.abs(variance - lawVariance)).toBeLessThan(4 * error + rounding);
  }
});

const RAMP = Float32Array.from({ length: 784 }, (_, i) => i / 783);

test.each(KINDS)("%s noise of a seed is the same again, of another seed another", (kind) => {
  expect(noisy(kind, RAMP)).toEqual(noisy(kind, RAMP));
  expect(noisy(kind, RAMP, LEVEL, false, 2)).not.toEqual(noisy(kind, RAMP));
});

test.each(KINDS)("%s noise is none at level 0, and leaves the clean image alone", (kind) => {
  const clean = RAMP.slice();
  expect(noisy(kind, clean, 0)).toEqual(RAMP);
  noisy(kind, clean);
  expect(clean).toEqual(RAMP);
});

test.each(KINDS)("%s noise is cut to [0, 1] if it is clipped", (kind) => {
  const free = noisy(kind, RAMP);
  expect(noisy(kind, RAMP, LEVEL, true)).toEqual(free.map((value) => Math.min(Math.max(value, 0), 1)));
  const leaves = free.some((value) => value < 0 || value > 1);
  expect(leaves).toBe(!STAYS_INSIDE.has(kind));
});

test("a stronger noise has the same pattern", () => {
  const weak = noisy("gaussian", RAMP, 0.2);
  const strong = noisy("gaussian", RAMP, 0.4);
  RAMP.forEach((clean, i) => expect(strong[i]! - clean).toBeCloseTo(2 * (weak[i]! - clean), 5));
  const few = noisy("dropout", RAMP, 0.2);
  const many = noisy("dropout", RAMP, 0.4);
  RAMP.forEach((_, i) => few[i] === 0 && expect(many[i]).toBe(0));
});

test("dropout takes a pixel from all channels, salt and pepper each for itself", () => {
  const clean = new Float32Array(3 * 500).fill(0.5);
  const channels = (kind: Kind): Float32Array[] => {
    const image = addNoise({ kind, level: 0.5, clip: true }, clean, 500, 1);
    return [0, 1, 2].map((channel) => image.slice(500 * channel, 500 * (channel + 1)));
  };
  const [red, green, blue] = channels("dropout");
  expect(green).toEqual(red);
  expect(blue).toEqual(red);
  const [first, second] = channels("salt_and_pepper");
  expect(second).not.toEqual(first);
});

test("Python's settings are read as levels of this page", () => {
  const levels = (settings: { name: string } & Record<string, unknown>): unknown => {
    const read = readSettings({ clip: true, ...settings });
    return read && [read.kind, read.low, read.high];
  };
  expect(levels({ name: "Gaussian", std: 0.5 })).toEqual(["gaussian", 0.5, 0.5]);
  expect(levels({ name: "Blind", min_std: 0, max_std: 1 })).toEqual(["gaussian", 0, 1]);
  expect(levels({ name: "Uniform", half_width: 0.3 })).toEqual(["uniform", 0.3, 0.3]);
  expect(levels({ name: "Speckle", std: 0.2 })).toEqual(["speckle", 0.2, 0.2]);
  expect(levels({ name: "Poisson", peak: 4 })).toEqual(["poisson", 0.5, 0.5]);
  expect(levels({ name: "Poisson", peak: null })).toEqual(["poisson", 0, 0]);
  expect(levels({ name: "SaltAndPepper", probability: 0.1 })).toEqual(["salt_and_pepper", 0.1, 0.1]);
  expect(levels({ name: "Dropout", probability: 0.6 })).toEqual(["dropout", 0.6, 0.6]);
  expect(levels({ name: "Mixed", strength: 1 })).toBeNull();
});
