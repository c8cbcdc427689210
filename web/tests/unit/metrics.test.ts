import { expect, test } from "vitest";
import { psnr, ssim, type Size } from "../../src/metrics";
import { Random } from "../../src/noise/random";

const SIZE: Size = { channels: 2, rows: 13, columns: 15 };
const COUNT = SIZE.channels * SIZE.rows * SIZE.columns;
const random = new Random(1);
const [first, second] = [0, 1].map(() => Float32Array.from({ length: COUNT }, () => random.uniform()));
const flat = (value: number): Float32Array => new Float32Array(COUNT).fill(value);

test("a perfect image has 100 dB and an SSIM of 1", () => {
  expect(psnr(first!, first!)).toBe(100);
  expect(ssim(first!, first!, SIZE)).toBeCloseTo(1, 12);
});

test("PSNR of an even error is that of its size", () => {
  expect(psnr(flat(0.6), flat(0.5))).toBeCloseTo(20, 5);
  expect(psnr(flat(1), flat(0))).toBeCloseTo(0, 10);
});

test("SSIM of flat images compares their brightness", () => {
  const [a, b] = [Math.fround(0.2), Math.fround(0.7)];
  expect(ssim(flat(a), flat(b), SIZE)).toBeCloseTo((2 * a * b + 1e-4) / (a * a + b * b + 1e-4), 6);
});

test("SSIM is the mean over the windows inside, each weighted in two dimensions", () => {
  expect(ssim(first!, second!, SIZE)).toBeCloseTo(direct(first!, second!), 10);
});

test("an image smaller than the window has no SSIM", () => {
  expect(ssim(flat(0), flat(0), { channels: 1, rows: 10, columns: 28 })).toBeNaN();
});

/** The paper's formula, window by window. */
function direct(x: Float32Array, y: Float32Array): number {
  const { channels, rows, columns } = SIZE;
  const values: number[] = [];
  for (let c = 0; c < channels; c++) {
    for (let top = 0; top + 11 <= rows; top++) {
      for (let left = 0; left + 11 <= columns; left++) {
        const inside: [number, number, number][] = []; // weight, x, y
        for (let i = 0; i < 11; i++) {
          for (let j = 0; j < 11; j++) {
            const at = (c * rows + top + i) * columns + left + j;
            inside.push([Math.exp(-((i - 5) ** 2 + (j - 5) ** 2) / 4.5), x[at]!, y[at]!]);
          }
        }
        const total = inside.reduce((sum, [weight]) => sum + weight, 0);
        const mean = (of: (x: number, y: number) => number): number => {
          return inside.reduce((sum, [weight, a, b]) => sum + (weight / total) * of(a, b), 0);
        };
        const [mx, my] = [mean((a) => a), mean((_, b) => b)];
        const [vx, vy] = [mean((a) => (a - mx) ** 2), mean((_, b) => (b - my) ** 2)];
        const both = mean((a, b) => (a - mx) * (b - my));
        const above = (2 * mx * my + 1e-4) * (2 * both + 9e-4);
        values.push(above / ((mx ** 2 + my ** 2 + 1e-4) * (vx + vy + 9e-4)));
      }
    }
  }
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
