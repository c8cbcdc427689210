/** Pictures as the networks take them, and on screen. */

import { Mistake, type Images } from "../laboratory";
import type { Size } from "../metrics";

/** Channel, row, column; black is 0 and white is 1, and noise may go beyond. */
export type Picture = Float32Array;

/** The clean test images. */
export interface Album {
  size: Size;
  count: number;
  picture(index: number): Picture;
  /** What an image shows, in a word. */
  className(index: number): string;
}

export async function openAlbum(images: Images): Promise<Album> {
  const answer = await fetch(images.file);
  if (!answer.ok) throw new Mistake(`${images.file} could not be loaded (${answer.status})`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const [count, channels, rows, columns] = images.shape;
  const values = channels * rows * columns;
  if (bytes.length !== count * values) {
    throw new Mistake(`${images.file} has ${bytes.length} bytes in place of ${count * values}`);
  }
  return {
    size: { channels, rows, columns },
    count,
    picture: (index) => {
      return Float32Array.from(bytes.subarray(index * values, (index + 1) * values), (byte) => byte / 255);
    },
    className: (index) => images.classNames[images.labels[index]!]!,
  };
}

/** A canvas that shows a picture pixel for pixel. The style sheet enlarges it without smoothing. */
export function canvasFor({ rows, columns }: Size): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = rows;
  canvas.className = "pixels";
  return canvas;
}

/** Paints a picture. What is beyond black and white is cut, here only. */
export function paint(canvas: HTMLCanvasElement, picture: Picture, { channels, rows, columns }: Size): void {
  const image = new ImageData(columns, rows);
  const pixels = rows * columns;
  for (let i = 0; i < pixels; i++) {
    for (let colour = 0; colour < 3; colour++) {
      const channel = channels === 3 ? colour : 0;
      image.data[4 * i + colour] = 255 * picture[channel * pixels + i]!; // clamped and rounded by its type
    }
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d")!.putImageData(image, 0, 0);
}
