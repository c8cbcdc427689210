/** A photograph on the GPU. The processor plays it (SwiftShader): the result counts, not the time. */

import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { visit, watch } from "./harness";
import { made, pixelsOf } from "./pictures";

const WHOLE = 120_000; // ms

const here = visit(true);

interface Restored {
  /** What the page says when it is done. */
  told: string;
  pixels: Buffer;
  /** The files that were asked for. */
  files: string[];
}

/** Restores a small picture. Played GPUs do not count for the page, unless `hardware` says that they do. */
async function restored(hardware: boolean, prepare?: (page: Page) => Promise<unknown>): Promise<Restored> {
  const page = await here.browser.newPage();
  const seen = watch(page, here.url);
  const files: string[] = [];
  page.context().on("request", (request) => files.push(request.url()));
  if (hardware) {
    await page.addInitScript(() => {
      const { GPUAdapterInfo } = globalThis as unknown as { GPUAdapterInfo: { prototype: object } };
      Object.defineProperty(GPUAdapterInfo.prototype, "isFallbackAdapter", { get: () => false });
    });
  }
  await prepare?.(page);
  await page.goto(`${here.url}#photograph`);
  await page.locator("#photograph .stage").waitFor();
  const buffer = await made(page, 150, 101, "image/png");
  await page.setInputFiles("input[name=file]", { name: "small.png", mimeType: "image/png", buffer });
  await page.locator(".download:enabled").waitFor({ timeout: WHOLE });
  const told = (await page.locator(".panel .left").textContent())!;
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(".download")]);
  const { data } = await pixelsOf(page, readFileSync((await download.path())!));
  expect(seen.foreign).toEqual([]);
  await page.close();
  return { told, pixels: data, files };
}

it(
  "is what the processor makes of it, to 1/255, and the processor takes over where the GPU fails",
  async () => {
    const cpu = await restored(false);
    expect(cpu.told).not.toContain("GPU");
    expect(cpu.files.filter((file) => /asyncify|gpu/.test(file))).toEqual([]); // which are large
    const gpu = await restored(true);
    expect(gpu.told).toContain("by the GPU");
    expect(gpu.files.filter((file) => file.includes("asyncify"))).not.toEqual([]);
    const most = gpu.pixels.reduce((most, value, i) => Math.max(most, Math.abs(value - cpu.pixels[i]!)), 0);
    expect(most).toBeLessThanOrEqual(1);
    const failed = await restored(true, (page) => page.route(/gpu_worker/, (route) => route.abort()));
    expect(failed.told).not.toContain("GPU");
    expect(failed.pixels.equals(cpu.pixels)).toBe(true);
  },
  3 * WHOLE,
);
