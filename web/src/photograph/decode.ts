/** Reads the pixels of a picture file as they are stored, by the browser's decoders. */

import { Mistake } from "../laboratory";
import type { Picture } from "./picture";
import { profileOf } from "./profile";

const STRIP = 2 ** 20; // pixels that are read at once
const MOST = 100e6; // pixels
const KINDS = "JPEG, PNG, WebP, AVIF, GIF or BMP";

/**
 * Decodes a file. EXIF's orientation is applied. No colour profile is: the numbers stay as they are.
 * Deeper numbers than 8 bits are rounded to them. A picture is grey if the channels of all pixels are equal.
 *
 * @throws Mistake in one line, if it is not a picture.
 */
export async function decode(file: File): Promise<Picture> {
  const bitmap = await bitmapOf(file);
  try {
    const { width, height } = bitmap;
    if (width * height > MOST) {
      throw new Mistake(`${file.name} has ${width} x ${height} pixels, and 100 million are the most`);
    }
    const pixels = await read(bitmap);
    return { name: file.name, width, height, ...pixels, profile: await profileOf(file) };
  } finally {
    bitmap.close();
  }
}

async function bitmapOf(file: File): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file, {
      imageOrientation: "from-image",
      premultiplyAlpha: "none",
      colorSpaceConversion: "none",
    });
  } catch {
    throw new Mistake(`${file.name} is damaged, or not a picture that this browser reads: ${KINDS}`);
  }
}

async function read(bitmap: ImageBitmap): Promise<Pick<Picture, "channels" | "data" | "alpha">> {
  const { width, height } = bitmap;
  const rows = Math.max(Math.floor(STRIP / width), 1);
  const canvas = new OffscreenCanvas(width, Math.min(rows, height));
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  const colours = new Uint8Array(width * height * 3);
  let alpha: Uint8Array<ArrayBuffer> | null = null;
  let grey = true;
  for (let top = 0; top < height; top += rows) {
    context.clearRect(0, 0, width, canvas.height);
    context.drawImage(bitmap, 0, -top);
    const strip = context.getImageData(0, 0, width, Math.min(rows, height - top)).data;
    let to = top * width * 3;
    for (let from = 0, pixel = top * width; from < strip.length; from += 4, pixel++) {
      const [red, green, blue] = [strip[from]!, strip[from + 1]!, strip[from + 2]!];
      colours[to++] = red;
      colours[to++] = green;
      colours[to++] = blue;
      grey &&= red === green && green === blue;
      if (strip[from + 3] !== 255) {
        alpha ??= new Uint8Array(width * height).fill(255);
        alpha[pixel] = strip[from + 3]!;
      }
    }
    await new Promise((resolve) => setTimeout(resolve)); // so that the page answers meanwhile
  }
  if (!grey) return { channels: 3, data: colours, alpha };
  const data = new Uint8Array(width * height);
  for (let i = 0; i < data.length; i++) data[i] = colours[3 * i]!;
  return { channels: 1, data, alpha };
}
