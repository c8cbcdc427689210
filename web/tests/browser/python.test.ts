/** The page's numbers against those that Python computed. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { NoiseSettings } from "../../src/laboratory";
import { psnr, ssim } from "../../src/metrics";
import { addNoise, KINDS } from "../../src/noise/noise";
import { readSettings } from "../../src/noise/trained";
import { GarmentsPage, laboratory } from "./garments_page";
import { EXPECTED, visit } from "./harness";
import { largestDifferences, type Case } from "./worker_runs";

interface Expected {
  networks: Case[];
  measures: { restored: number[]; clean: number[]; psnr: number; ssim: number }[];
  noises: { noise: NoiseSettings; clean: number; mean: number; std: number; draws: number }[];
}

const expected = JSON.parse(readFileSync(EXPECTED, "utf8")) as Expected;

const here = visit();

test("the networks in the page's own worker give what Python gives", async () => {
  const page = await here.browser.newPage();
  await new GarmentsPage(page, here.url).open("");
  const worker = page.workers()[0]!.url();
  const networks = [...laboratory.models, laboratory.photograph].flatMap((model) => {
    const halves = "latent" in model && model.latent ? [model.latent.encoder, model.latent.decoder] : [];
    return [model, ...halves];
  });
  const differences = await largestDifferences(page, worker, networks, expected.networks);
  expect(differences.length).toBeGreaterThanOrEqual(networks.length);
  for (const { file, difference } of differences) expect(difference, file).toBeLessThan(1e-4);
});

test("PSNR and SSIM are Python's", () => {
  expect(expected.measures.length).toBeGreaterThan(0);
  for (const given of expected.measures) {
    const [image, clean] = [Float32Array.from(given.restored), Float32Array.from(given.clean)];
    const side = Math.sqrt(clean.length);
    const size = { channels: 1, rows: side, columns: side };
    expect(Math.abs(psnr(image, clean) - given.psnr)).toBeLessThan(1e-4);
    expect(Math.abs(ssim(image, clean, size) - given.ssim)).toBeLessThan(1e-4);
  }
});

test("the noises have the statistics of Python's", () => {
  const draws = 200_000;
  const kinds = new Set<string>();
  expected.noises.forEach((given, seed) => {
    const settings = readSettings(given.noise);
    if (settings === null || settings.low !== settings.high) return; // the page does not have it
    const { kind, low: level, clip } = settings;
    kinds.add(kind);
    const noisy = addNoise({ kind, level, clip }, new Float32Array(draws).fill(given.clean), draws, seed);
    const mean = noisy.reduce((sum, value) => sum + value, 0) / draws;
    const squares = noisy.map((value) => (value - mean) ** 2);
    const variance = squares.reduce((sum, value) => sum + value, 0) / draws;
    const fourth = squares.reduce((sum, value) => sum + value ** 2, 0) / draws;
    const share = 1 / draws + 1 / given.draws; // both are draws
    const said = JSON.stringify(given);
    expect(Math.abs(mean - given.mean), said).toBeLessThan(5 * Math.sqrt(variance * share) + 1e-6);
    const error = Math.sqrt(Math.max(fourth - variance ** 2, 0) * share);
    expect(Math.abs(variance - given.std ** 2), said).toBeLessThan(5 * error + 1e-6);
  });
  expect([...kinds].sort()).toEqual([...KINDS].sort());
});
