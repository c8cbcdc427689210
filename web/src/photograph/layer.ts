/** Draws the visible part of a picture, from its bytes, into a canvas of the view's size. */

import type { Camera } from "./camera";
import type { Picture } from "./picture";
import type { Level } from "./pyramid";

/** Writes a row's colours: samples `first` to `first + to.length` of a level. */
export type Shade = (level: number, first: number, to: Uint8ClampedArray) => void;

/** Draws a picture whose colours `shade` gives. */
export function draw(
  canvas: HTMLCanvasElement,
  camera: Camera,
  picture: Picture,
  levels: Level[],
  shade: Shade,
): void {
  const context = canvas.getContext("2d")!;
  context.clearRect(0, 0, canvas.width, canvas.height);
  const index = Math.min(Math.max(Math.round(-Math.log2(camera.scale)), 0), levels.length - 1);
  const level = levels[index]!;
  const { left, top } = camera.corner;
  const across = (picture.width * camera.scale) / level.width; // pixels of the screen, one of the level
  const down = (picture.height * camera.scale) / level.height;
  const x = Math.max(Math.floor(-left / across), 0);
  const y = Math.max(Math.floor(-top / down), 0);
  const width = Math.min(Math.ceil((canvas.width - left) / across), level.width) - x;
  const height = Math.min(Math.ceil((canvas.height - top) / down), level.height) - y;
  if (width <= 0 || height <= 0) return;
  const pixels = new ImageData(width, height);
  const row = new Uint8ClampedArray(width * picture.channels);
  for (let line = 0; line < height; line++) {
    shade(index, ((y + line) * level.width + x) * picture.channels, row);
    const to = pixels.data.subarray(line * width * 4, (line + 1) * width * 4);
    spread(row, picture.channels, to);
    if (picture.alpha) cover(picture, index, x, y + line, to);
  }
  const part = new OffscreenCanvas(width, height);
  part.getContext("2d")!.putImageData(pixels, 0, 0);
  context.imageSmoothingEnabled = across < 2;
  context.imageSmoothingQuality = "high";
  context.drawImage(part, left + x * across, top + y * down, width * across, height * down);
}

/** Turns grey values or colours into opaque pixels of a canvas. */
function spread(row: Uint8ClampedArray, channels: number, to: Uint8ClampedArray): void {
  const step = channels === 3 ? 1 : 0;
  for (let from = 0, at = 0; at < to.length; from += channels, at += 4) {
    to[at] = row[from]!;
    to[at + 1] = row[from + step]!;
    to[at + 2] = row[from + 2 * step]!;
    to[at + 3] = 255;
  }
}

/** Sets the opacity of a row. Of a smaller level, it is that of the nearest pixel. */
function cover(picture: Picture, index: number, x: number, y: number, to: Uint8ClampedArray): void {
  const row = Math.min(y << index, picture.height - 1) * picture.width;
  for (let i = 3; i < to.length; i += 4, x++) {
    to[i] = picture.alpha![row + Math.min(x << index, picture.width - 1)]!;
  }
}
