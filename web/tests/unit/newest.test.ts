import { expect, test } from "vitest";
import { Newest } from "../../src/garments/newest";

test("one job runs at a time, and of those that wait only the newest", async () => {
  const started: number[] = [];
  const ends: (() => void)[] = [];
  const newest = new Newest<number>((request) => {
    started.push(request);
    return new Promise((resolve) => ends.push(resolve));
  });
  const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
  for (const request of [1, 2, 3]) newest.ask(request);
  await settle();
  expect(started).toEqual([1]);
  expect(newest.outdated).toBe(true);
  ends[0]!();
  await settle();
  expect(started).toEqual([1, 3]);
  expect(newest.outdated).toBe(false);
  ends[1]!();
  await settle();
  newest.ask(4);
  expect(started).toEqual([1, 3, 4]);
});
