import { describe, expect, it } from "vitest";
import { toByteBy, type ToByte } from "../../src/photograph/bytes";
import { codingFor } from "../../src/photograph/coding";
import { levelsOf } from "../../src/photograph/levels";
import { estimateStd } from "../../src/photograph/noise_level";
import { below, clippedMoments } from "../../src/photograph/normal";
import { patchesOf } from "../../src/photograph/patches";
import type { Picture } from "../../src/photograph/picture";
import { normals } from "./normals";

/** A slope of brightness with noise, cut to bytes. */
function slope(low: number, high: number, std: number, width = 300, height = 200): Picture {
  const normal = normals();
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) {
    const clean = low + ((high - low) * ((i / 3) % width)) / width;
    data[i] = Math.min(Math.max(Math.round(255 * (clean + std * normal())), 0), 255);
  }
  return { name: "slope.png", width, height, channels: 3, data, alpha: null, profile: null };
}

describe("the noise's standard deviation is estimated to 3 %", () => {
  it.each([
    ["in the middle", 0.3, 0.7, 0.05],
    ["where black cuts it", 0, 0.2, 0.1],
    ["where both ends cut it", 0, 1, 0.2],
  ])("%s", (_, low, high, std) => {
    const estimate = estimateStd(patchesOf(slope(low, high, std)))!;
    expect(Math.abs(estimate / std - 1)).toBeLessThan(0.03);
  });
});

it("a picture that is too small or empty has no estimate", () => {
  expect(estimateStd(patchesOf(slope(0.5, 0.5, 0.1, 8, 8)))).toBeNull();
  expect(estimateStd(patchesOf(slope(0, 0, 0)))).toBeNull();
  expect(estimateStd(patchesOf(slope(0.5, 0.5, 0, 4, 900)))).toBeNull();
});

it("the normal distribution has its known shares", () => {
  const known: [number, number][] = [
    [-6, 9.865876450376948e-10],
    [-3, 0.0013498980316300933],
    [-1, 0.15865525393145707],
    [0, 0.5],
    [1.96, 0.9750021048517795],
  ];
  for (const [z, share] of known) expect(Math.abs(below(z) - share)).toBeLessThan(1e-15);
});

it("moments of noise that is cut are those of draws", () => {
  const normal = normals();
  for (const [clean, std] of [
    [0, 0.2],
    [0.1, 0.2],
    [0.5, 0.5],
    [0.97, 0.1],
  ] as const) {
    let [sum, squares] = [0, 0];
    const count = 200_000;
    for (let i = 0; i < count; i++) {
      const value = Math.min(Math.max(clean + std * normal(), 0), 1);
      sum += value;
      squares += value * value;
    }
    const { mean, variance } = clippedMoments(clean, std);
    expect(Math.abs(mean - sum / count)).toBeLessThan(0.003);
    expect(Math.abs(variance - (squares / count - (sum / count) ** 2))).toBeLessThan(0.002);
  }
});

it("bytes undo the bias of noise that was cut, and only that", async () => {
  const toByteFor = async (picture: Picture): Promise<ToByte> =>
    toByteBy(codingFor(patchesOf(picture), await levelsOf(picture.data)).limits);
  const even = await toByteFor(slope(0.4, 0.6, 0.05));
  for (let byte = 0; byte < 256; byte++) expect(even(byte / 255)).toBe(byte);
  expect(even(-0.1)).toBe(0);
  expect(even(1.1)).toBe(255);
  const picture = slope(0, 1, 0.2);
  const std = estimateStd(patchesOf(picture))!;
  const cut = await toByteFor(picture);
  for (const byte of [0, 1, 20, 128, 240, 255]) expect(cut(clippedMoments(byte / 255, std).mean)).toBe(byte);
});
