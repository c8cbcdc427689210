import { expect, test } from "vitest";
import { Random } from "../../src/noise/random";

const DRAWS = 200_000;

test("the bits are those of the authors' program, from the same state", () => {
  const random = Random.at([1, 2, 3, 4]);
  const bits = Array.from({ length: 10 }, () => random.bits());
  expect(bits).toEqual([
    11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
  ]);
});

test("a seed stands for its numbers, and neighbouring seeds for others", () => {
  const first = (seed: number): number[] => {
    const random = new Random(seed);
    return Array.from({ length: 100 }, () => random.uniform());
  };
  expect(first(7)).toEqual(first(7));
  expect(new Set([0, 1, 2, 2 ** 32 - 1].flatMap(first)).size).toBe(400);
});

test("uniform numbers lie in [0, 1) and are spread evenly", () => {
  const counts = new Array<number>(10).fill(0);
  const random = new Random(1);
  for (let i = 0; i < DRAWS; i++) {
    const bin = Math.floor(10 * random.uniform());
    counts[bin] = counts[bin]! + 1;
  }
  expect(counts).toHaveLength(10);
  expect(chiSquare(counts, new Array<number>(10).fill(0.1))).toBeLessThan(27.9); // 0.1 % of 9 degrees
});

test("normal numbers have the moments of the normal distribution", () => {
  const random = new Random(2);
  const draws = Array.from({ length: DRAWS }, () => random.normal());
  const moment = (power: number): number => draws.reduce((sum, draw) => sum + draw ** power, 0) / DRAWS;
  const error = (variance: number): number => 4 * Math.sqrt(variance / DRAWS);
  expect(Math.abs(moment(1))).toBeLessThan(error(1));
  expect(Math.abs(moment(2) - 1)).toBeLessThan(error(2));
  expect(Math.abs(moment(3))).toBeLessThan(error(15));
  expect(Math.abs(moment(4) - 3)).toBeLessThan(error(96));
  const within = draws.filter((draw) => Math.abs(draw) < 1).length / DRAWS;
  expect(Math.abs(within - 0.682689)).toBeLessThan(error(0.25));
});

// 9.9 is the last rate of inversion, 10 the first of rejection.
test.each([0.3, 4, 9.9, 10, 40])("counts of mean %d have the chances of Poisson's law", (rate) => {
  const random = new Random(3);
  const counts: number[] = [];
  for (let i = 0; i < DRAWS; i++) {
    const count = random.poisson(rate);
    counts[count] = (counts[count] ?? 0) + 1;
  }
  const chances: number[] = [Math.exp(-rate)];
  for (let k = 1; k < 200; k++) chances.push((chances[k - 1]! * rate) / k);
  const common = [...chances.keys()].filter((k) => chances[k]! * DRAWS > 20);
  const rest = 1 - common.reduce((sum, k) => sum + chances[k]!, 0);
  const seen = common.map((k) => counts[k] ?? 0);
  const other = DRAWS - seen.reduce((sum, count) => sum + count, 0);
  const statistic = chiSquare([...seen, other], [...common.map((k) => chances[k]!), rest]);
  const degrees = common.length;
  expect(statistic).toBeLessThan(degrees + 4 * Math.sqrt(2 * degrees) + 4);
});

test.each([1e3, 1e6])("counts of mean %d have its mean and variance", (rate) => {
  const random = new Random(4);
  const draws = Array.from({ length: DRAWS }, () => random.poisson(rate));
  const mean = draws.reduce((sum, draw) => sum + draw, 0) / DRAWS;
  const variance = draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / DRAWS;
  expect(Math.abs(mean / rate - 1)).toBeLessThan(4 / Math.sqrt(rate * DRAWS));
  expect(Math.abs(variance / rate - 1)).toBeLessThan(4 * Math.sqrt(2 / DRAWS));
});

test("no light is no photon", () => {
  expect(new Random(5).poisson(0)).toBe(0);
});

function chiSquare(counts: readonly number[], chances: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.reduce((sum, count, i) => {
    const expected = total * chances[i]!;
    return sum + (count - expected) ** 2 / expected;
  }, 0);
}
