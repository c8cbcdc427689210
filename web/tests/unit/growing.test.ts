/** Noise that grows with the light. The numbers are those of estimation/ and of scipy. */

import { describe, expect, it } from "vitest";
import { toByteBy } from "../../src/photograph/bytes";
import { codingFor } from "../../src/photograph/coding";
import { meansOf, stabilised, unstabilising } from "../../src/photograph/growing/anscombe";
import { minimise } from "../../src/photograph/growing/nelder_mead";
import { gaussLegendre } from "../../src/photograph/growing/quadrature";
import { levelsOf } from "../../src/photograph/levels";
import { patchesOf } from "../../src/photograph/patches";
import type { Picture } from "../../src/photograph/picture";
import { normals } from "./normals";

/** Where the numbers are to agree, in all digits that count. */
function expectClose(found: ArrayLike<number>, right: readonly number[], relative: number): void {
  expect(found.length).toBe(right.length);
  right.forEach((value, i) => {
    expect(Math.abs(found[i]! - value)).toBeLessThanOrEqual(relative * Math.abs(value));
  });
}

describe("the simplex goes where scipy's goes, in as many evaluations", () => {
  const valley = (steep: number) => (x: number[]) => (1 - x[0]!) ** 2 + steep * (x[1]! - x[0]! ** 2) ** 2;
  it.each<[string, (x: number[]) => number, number[], number[], number]>([
    ["a valley", valley(100), [-1.2, 1], [1.0000220217835696, 1.0000422197517715], 159],
    ["from 0", valley(100), [0, 0], [1.0000043858986165, 1.0000106409916478], 146],
    ["too far", valley(1e6), [-1.2, 1], [-0.6578625432648417, 0.4327030296625045], 400],
    ["too far in a step", valley(1e6), [-2, -2], [0.38769800237321506, 0.1503290584948252], 400],
    [
      "with kinks and steps",
      ([x, y, z]) => Math.abs(x! - 1) + Math.abs(y! + x!) + Math.floor(z! * 4) / 4,
      [3, -2, 0.3],
      [0.9999993307686021, -1.0000365578962813, 0.47283944487076135],
      116,
    ],
  ])("%s", (_, f, start, right, evaluations) => {
    let count = 0;
    const { x, value } = minimise((x) => (count++, f(x)), start);
    expectClose(x, right, 1e-6);
    expect(value).toBe(f(x));
    expect(count).toBe(evaluations);
  });
});

it("the quadrature is exact for polynomials", () => {
  const { nodes, weights } = gaussLegendre(64);
  const integral = (power: number): number => weights.reduce((sum, w, i) => sum + w * nodes[i]! ** power, 0);
  expectClose([integral(0), integral(2), integral(126)], [2, 2 / 3, 2 / 127], 1e-12);
  expect(Math.abs(integral(63))).toBeLessThan(1e-14);
});

describe("the generalised Anscombe transform", () => {
  const noise = { a: 0.02, b: 0.01, black: 0.05 };

  it("has the values of Python, and 0 where there is no root", () => {
    const found = [-1, 0, 0.05, 0.5, 1].map((value) => stabilised(value, noise));
    const right = [9.565563234854496, 10.074720839804943, 13.838352503098047, 17.073371078963874];
    expect(found[0]).toBe(0);
    expectClose(found.slice(1), right, 1e-12);
  });

  it.each([
    [0.01, [1.2296532524005959, 1.7471894707360092, 5.342074532760321]],
    [1, [2.1686426837994115, 2.559747414661766, 5.699549520196893]],
    [25, [10.02381991212934, 10.123138694507428, 11.335185745332762]],
  ])("has the means of Python, for a normal part of variance %s", (variance, right) => {
    expectClose(meansOf(Float64Array.of(0, 0.5, 7), variance), right, 1e-9);
  });

  it("has the inverse of Python: by the table, and for many photons", () => {
    const clean = unstabilising(noise);
    const right = [0.05, 0.05, 0.05, 0.5275290260335647, 17.547594494060167];
    expectClose([0, 5, 8, 14, 60].map(clean), right, 1e-9);
  });

  it("is undone in the mean by its inverse", () => {
    const few = { a: 0.1, b: 0.001, black: 0.1 };
    const photons = Float64Array.of(0.3, 2, 9);
    const clean = unstabilising(few);
    const found = meansOf(photons, few.b / few.a ** 2).map(clean);
    expectClose(found, [0.13, 0.3, 1], 1e-3);
  });
});

/** A slope of brightness, grey, whose noise has the variance a x + b. */
function slope(a: number, b: number, low = 0.05, high = 0.6): Picture {
  const [width, height, normal] = [300, 200, normals()];
  const data = Uint8Array.from({ length: width * height }, (_, i) => {
    const clean = low + ((high - low) * (i % width)) / width;
    return Math.min(Math.max(Math.round(255 * (clean + Math.sqrt(a * clean + b) * normal())), 0), 255);
  });
  return { name: "slope.png", width, height, channels: 1, data, alpha: null, profile: null };
}

describe("a picture's coding", () => {
  it("makes noise even that grows with the light, with values from 0 to 1", async () => {
    const picture = slope(0.02, 0.0005);
    const levels = await levelsOf(picture.data);
    const { values, limits, growing } = codingFor(patchesOf(picture), levels);
    expect(Math.abs(growing!.a / 0.02 - 1)).toBeLessThan(0.1);
    expect(growing!.black).toBe(0);
    expect([values[255 * levels.lowest], values[Math.round(255 * levels.highest)]]).toEqual([0, 1]);
    const clean = unstabilising(growing!);
    const [low, width] = [
      stabilised(levels.lowest, growing!),
      stabilised(levels.highest, growing!) - stabilised(levels.lowest, growing!),
    ];
    const toByte = toByteBy(limits);
    for (const value of [-1, -0.01, 0, 0.1, 0.37, 0.5, 0.9, 1, 1.2, 9]) {
      const right = Math.round(255 * Math.min(Math.max(clean(value * width + low), 0), 1));
      expect(toByte(value)).toBe(right);
    }
  });

  it("leaves noise as it is that is even, or hardly grows", async () => {
    for (const picture of [slope(0, 0.004), slope(0.004, 0.004)]) {
      const { values, growing } = codingFor(patchesOf(picture), await levelsOf(picture.data));
      expect(growing).toBeNull();
      expect(values[51]).toBe(Math.fround(0.2));
    }
  });
});

it("levels are those of all parts of a large picture", async () => {
  const data = new Uint8Array(2 ** 22 + 2).fill(51);
  data[3] = 0;
  data[2 ** 22 + 1] = 255;
  const { mean, lowest, highest } = await levelsOf(data);
  expect([lowest, highest]).toEqual([0, 1]);
  expectClose([mean], [(51 * (data.length - 2) + 255) / 255 / data.length], 1e-12);
});
