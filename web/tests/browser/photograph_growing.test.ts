/** Photographs whose noise grows with the light: it is estimated as by Python, and made even first. */

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Page } from "playwright-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { estimateGrowing, type SensorNoise } from "../../src/photograph/growing/sensor_noise";
import { levelsOf } from "../../src/photograph/levels";
import { EVENED } from "../../src/photograph/markup";
import { patchesOf } from "../../src/photograph/patches";
import { EXPECTED, visit, watch } from "./harness";
import { pixelsOf } from "./pictures";

interface Case {
  noisy: string;
  restored: string;
  noise: SensorNoise | null;
}

const { photograph, growing } = JSON.parse(readFileSync(EXPECTED, "utf8")) as {
  photograph: Case;
  growing: Case[];
};
const WHOLE = 120_000; // ms for a small picture, on a machine that is busy

const here = visit();
let page: Page;
let seen: ReturnType<typeof watch>;

beforeEach(async () => {
  page = await here.browser.newPage();
  seen = watch(page, here.url);
  await page.goto(`${here.url}#photograph`);
  await page.locator("#photograph .stage").waitFor();
});

afterEach(async () => {
  expect(seen).toEqual({ foreign: [], errors: [] });
  await page.close();
});

function read(name: string): Buffer {
  return readFileSync(join(dirname(EXPECTED), name));
}

/** The noise that the page's code finds in a picture. */
async function noiseIn(file: Buffer): Promise<SensorNoise | null> {
  const { width, height, data } = await pixelsOf(page, file);
  const channels = file[25] === 0 ? 1 : 3; // PNG's number for grey is 0
  const colours = data.filter((_, i) => i % 4 < channels);
  const picture = { name: "", width, height, channels, alpha: null, profile: null } as const;
  const patches = patchesOf({ ...picture, data: Uint8Array.from(colours) });
  return estimateGrowing(patches, (await levelsOf(colours)).mean);
}

describe.each(growing)("$noisy", { timeout: 2 * WHOLE }, ({ noisy, restored, noise }) => {
  it("has the noise that Python finds, to 1e-3", async () => {
    const found = (await noiseIn(read(noisy)))!;
    expect(Math.abs(found.a / noise!.a - 1)).toBeLessThan(1e-3);
    expect(Math.abs(found.b / noise!.b - 1)).toBeLessThan(1e-3);
    expect(Math.abs(found.black - noise!.black)).toBeLessThanOrEqual(1e-3 * noise!.black);
  });

  it("is restored as denoise.py does it, to 1/255, and the page says how", async () => {
    await page.setInputFiles("input[name=file]", {
      name: "few photons.png",
      mimeType: "image/png",
      buffer: read(noisy),
    });
    await page.locator(".download:enabled").waitFor({ timeout: WHOLE });
    expect(await page.locator(".how").isVisible()).toBe(true);
    expect(await page.locator(".status").textContent()).toContain(EVENED);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(".download")]);
    const ours = await pixelsOf(page, readFileSync((await download.path())!));
    const python = await pixelsOf(page, read(restored));
    expect([ours.width, ours.height]).toEqual([python.width, python.height]);
    const most = ours.data.reduce((most, value, i) => Math.max(most, Math.abs(value - python.data[i]!)), 0);
    expect(most).toBeLessThanOrEqual(1);
  });
});

it("pictures with an offset and without are among these, and noise that does not grow", async () => {
  expect(growing.map(({ noise }) => noise!.black > 0)).toEqual([false, true]);
  expect(photograph.noise).toBeNull();
  expect(await noiseIn(read(photograph.noisy))).toBeNull();
});
