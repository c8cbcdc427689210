import { describe, expect, it } from "vitest";
import { Camera } from "../../src/photograph/camera";
import { restoredName } from "../../src/photograph/download";
import { Pyramid } from "../../src/photograph/pyramid";

describe("the camera", () => {
  const camera = (): Camera => {
    const made = new Camera();
    made.resize({ width: 800, height: 600 });
    made.look({ width: 4000, height: 2000 });
    return made;
  };

  it("fits a picture into the view, and does not enlarge a small one", () => {
    const made = camera();
    expect([made.scale, made.corner]).toEqual([0.2, { left: 0, top: 100 }]);
    made.look({ width: 400, height: 300 });
    expect([made.scale, made.corner, made.cropped]).toEqual([1, { left: 200, top: 150 }, false]);
  });

  it("keeps what is under the pointer when it zooms", () => {
    const made = camera();
    made.zoom(1);
    const place = (): number[] => [
      (300 - made.corner.left) / made.scale,
      (200 - made.corner.top) / made.scale,
    ];
    const before = place();
    made.zoom(2, { x: 300, y: 200 });
    // The corner is at a whole pixel of the screen.
    place().forEach((at, i) => expect(Math.abs(at - before[i]!)).toBeLessThan(1));
    expect(made.cropped).toBe(true);
  });

  it("does not move the picture out of the view, nor shrink it more than to fit", () => {
    const made = camera();
    made.zoom(1);
    made.move(1e6, -1e6);
    expect(made.corner).toEqual({ left: 0, top: 600 - 2000 });
    made.zoom(1e-6);
    expect(made.scale).toBe(0.2);
  });

  it("fits the picture again when the view changes, unless the visitor has zoomed", () => {
    const made = camera();
    made.resize({ width: 400, height: 600 });
    expect(made.scale).toBe(0.1);
    made.zoom(2);
    made.resize({ width: 800, height: 600 });
    expect(made.scale).toBe(2);
  });
});

describe("the pyramid", () => {
  const [width, height] = [201, 131];
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 89) % 256);

  it("averages 2 x 2 pixels from level to level, also after a change", () => {
    const changed = data.slice();
    const pyramid = new Pyramid(width, height, 3, changed);
    for (let y = 30; y < 61; y++) changed.fill(255, (y * width + 77) * 3, (y * width + 140) * 3);
    pyramid.update({ left: 77, top: 30, width: 63, height: 31 });
    const fresh = new Pyramid(width, height, 3, changed.slice());
    expect(pyramid.levels.map((level) => [level.width, level.height])).toEqual([
      [201, 131],
      [101, 66],
      [51, 33],
    ]);
    pyramid.levels.forEach((level, i) => expect(level.data).toEqual(fresh.levels[i]!.data));
    const at = (level: number, x: number, y: number): number =>
      pyramid.levels[level]!.data[(y * pyramid.levels[level]!.width + x) * 3]!;
    const mean = (at(0, 20, 8) + at(0, 21, 8) + at(0, 20, 9) + at(0, 21, 9)) / 4;
    expect(at(1, 10, 4)).toBe(Math.floor(mean + 0.5));
    expect(at(1, 100, 65)).toBe(at(0, 200, 130)); // the last row and column of odd sides
  });
});

it.each([
  ["photo.jpg", "photo.png"],
  ["scan.PNG", "scan.png"],
  ["frame.001", "frame.001.png"],
  ["a.b.webp", "a.b.png"],
])("%s is restored as %s", (name, restored) => expect(restoredName(name)).toBe(restored));
