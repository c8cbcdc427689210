import { expect, test } from "vitest";
import { blank, decode, encode, stroke, toPicture } from "../../src/garments/drawing";
import { firstState, readState, writeState, type State } from "../../src/garments/state";
import type { Laboratory, Model } from "../../src/laboratory";

const SIZE = { channels: 1, rows: 28, columns: 28 };
const latent = { count: 10 } as NonNullable<Model["latent"]>;
const model = (part: Partial<Model>): Model => {
  const noise = { name: "Gaussian", std: 0.3, clip: false };
  return { id: "dense", kind: "dense", does: "restores", noise, ...part } as Model;
};
const LABORATORY = {
  images: { shape: [20, 1, 28, 28] },
  models: [model({ id: "judge", does: "classifies" }), model({}), model({ id: "vae +2", latent })],
} as unknown as Laboratory;

const STATE: State = {
  image: 3,
  drawing: null,
  noise: "salt_and_pepper",
  strength: 0.07,
  clip: false,
  seed: 4294967295,
  models: ["vae +2", "judge"],
  latents: { "vae +2": [0, -1.5, 2.3] },
};

const read = (address: string): ReturnType<typeof readState> => readState(address, LABORATORY, SIZE);

test("an empty address shows the first restoring model, with its noise", () => {
  const { state, ignored } = read("");
  expect(ignored).toEqual([]);
  expect(state).toEqual(firstState(LABORATORY));
  expect(state).toMatchObject({ models: ["dense"], noise: "gaussian", strength: 0.3, clip: false });
});

test("a state that is written is read again", () => {
  expect(read(writeState(STATE))).toEqual({ state: STATE, ignored: [] });
  const none = { ...STATE, models: [], latents: {} };
  expect(read(writeState(none))).toEqual({ state: none, ignored: [] });
});

test("a drawing survives in the address", () => {
  const drawing = Uint8Array.from({ length: 784 }, (_, i) => (7 * i) % 16);
  const { state, ignored } = read(writeState({ ...STATE, drawing }));
  expect(ignored).toEqual([]);
  expect(state.drawing).toEqual(drawing);
  expect(encode(drawing)).toMatch(/^[A-Za-z0-9_-]+$/);
  expect(encode(drawing).length).toBeLessThan(600);
});

test.each([
  "image=20",
  "image=-1",
  "image=1.5",
  "drawing=AAAA",
  "drawing=%",
  "noise=loud",
  "strength=1.01",
  "strength=1e-1",
  "strength=",
  "clip=yes",
  "seed=4294967296",
  "models=dense,other",
  "latents.dense=1",
  "latents.vae %2B2=4",
  "latents.vae %2B2=1,2,3,4,5,6,7,8,0",
  "colour=red",
])("%s is ignored and named, and the rest is kept", (wrong) => {
  const { state, ignored } = read(`${wrong}&seed=5`);
  expect(ignored).toHaveLength(1);
  expect(ignored[0]).toContain(wrong.split("=")[0]!.replace("%2B", "+"));
  expect(state).toEqual({ ...firstState(LABORATORY), seed: 5 });
});

test("a drawing of another size is none", () => {
  expect(decode(encode(blank({ channels: 1, rows: 28, columns: 26 })), SIZE)).toBeNull();
});

test("a stroke is white along its line, black away from it, and can be erased", () => {
  const drawing = blank(SIZE);
  stroke(drawing, 28, [5.5, 10.5], [20.5, 10.5], 1.2, false);
  const at = (row: number, column: number): number => toPicture(drawing, SIZE)[28 * row + column]!;
  expect(at(10, 5)).toBe(1);
  expect(at(10, 13)).toBe(1);
  expect(at(13, 13)).toBe(0);
  expect(at(10, 24)).toBe(0);
  stroke(drawing, 28, [13.5, 10.5], [13.5, 10.5], 1.2, true);
  expect(at(10, 13)).toBe(0);
  expect(at(10, 5)).toBe(1);
});
