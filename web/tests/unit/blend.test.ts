import { expect, it } from "vitest";
import { Blend } from "../../src/photograph/blend";
import { tiling, type Tiling } from "../../src/photograph/tiles";

const CUT = { tile: 24, overlap: 7, grid: 1, margin: 2 };
const [HEIGHT, WIDTH] = [61, 47];

/** A picture's value, from its place. */
function value(y: number, x: number, channel: number): number {
  return Math.sin(y * 0.7 + x * 0.3) + channel;
}

function tileAt(down: Tiling, across: Tiling, row: number, column: number, parts = [0, 0, 0]): Float32Array {
  const tile: number[] = [];
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < down.tile; y++) {
      for (let x = 0; x < across.tile; x++) {
        tile.push(value(down.starts[row]! + y, across.starts[column]! + x, channel) + parts[channel]!);
      }
    }
  }
  return Float32Array.from(tile);
}

/** All tiles, in an order that mixes rows, as when several cores finish. */
function mixed(down: Tiling, across: Tiling): [number, number][] {
  const all = down.starts.flatMap((_, row) =>
    across.starts.map((_, column): [number, number] => [row, column]),
  );
  return all.map((_, i) => all[(i * 5) % all.length]!);
}

it.each([1, 3] as const)("tiles of a picture become that picture, with %i channels", (channels) => {
  const [down, across] = [tiling(HEIGHT, CUT), tiling(WIDTH, CUT)];
  const order = mixed(down, across);
  expect(new Set(order.map(String)).size).toBe(down.starts.length * across.starts.length);
  const rows: number[] = [];
  const result = new Float32Array(HEIGHT * WIDTH * channels);
  const blend = new Blend(down, across, WIDTH, channels, (top, values) => {
    result.set(values, top * WIDTH * channels);
    for (let row = 0; row < values.length / (WIDTH * channels); row++) rows.push(top + row);
  });
  for (const [row, column] of order) blend.add(row, column, tileAt(down, across, row, column));
  expect(rows).toEqual(Array.from({ length: HEIGHT }, (_, row) => row)); // each once, from top to bottom
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      for (let channel = 0; channel < channels; channel++) {
        // A grey picture gets the mean of the network's three channels, whose offsets are 0, 1 and 2.
        const right = value(y, x, channels === 1 ? 1 : channel);
        expect(result[(y * WIDTH + x) * channels + channel]).toBeCloseTo(right, 5);
      }
    }
  }
});

it("rows are handed on as soon as no tile can change them", () => {
  const [down, across] = [tiling(HEIGHT, CUT), tiling(WIDTH, CUT)];
  const tops: number[] = [];
  const blend = new Blend(down, across, WIDTH, 3, (top) => tops.push(top));
  for (const column of across.starts.keys()) {
    expect(tops).toEqual([]);
    blend.add(0, column, tileAt(down, across, 0, column));
  }
  expect(tops).toEqual([0]);
});
