import { expect, it } from "vitest";
import { blend, GAIN, takenAway } from "../../src/photograph/strength";

const before = Uint8Array.of(0, 100, 100, 250, 10);
const restored = Uint8Array.of(0, 120, 81, 240, 40);

function at(strength: number, shade = blend): number[] {
  const to = new Uint8ClampedArray(before.length);
  shade(before, restored, strength, to);
  return [...to];
}

it("0 is the original, 1 is what was restored, and 2 goes as far again, within black and white", () => {
  expect(at(0)).toEqual([...before]);
  expect(at(1)).toEqual([...restored]);
  expect(at(2)).toEqual([0, 140, 62, 230, 70]);
  expect(at(0.5)).toEqual([0, 110, 90, 245, 25]); // 90.5 is rounded to the even number, as NumPy does
});

it("what was taken away is around mid-grey", () => {
  expect(at(0, takenAway)).toEqual([128, 128, 128, 128, 128]);
  expect(at(1, takenAway)).toEqual([128, 128 - 20 * GAIN, 128 + 19 * GAIN, 128 + 10 * GAIN, 128 - 30 * GAIN]);
});
