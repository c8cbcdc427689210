/** Gives the restored picture to the visitor. */

import type { Picture } from "./picture";
import { encodePng } from "./png";
import { blend } from "./strength";

// What denoise.py takes off a name: other endings, as of frame.001, stay.
const ENDINGS = /\.(png|jpe?g|tiff?|bmp|webp|gif|pgm|ppm|pnm|jp2|avif)$/i;

/** The name that denoise.py gives to a restored picture. */
export function restoredName(name: string): string {
  return `${name.replace(ENDINGS, "")}.png`;
}

export async function download(picture: Picture, restored: Uint8Array, strength: number): Promise<void> {
  const line = picture.width * picture.channels;
  const png = await encodePng(picture, (top, count) => {
    const [first, end] = [top * line, (top + count) * line];
    const rows = new Uint8ClampedArray(end - first);
    blend(picture.data.subarray(first, end), restored.subarray(first, end), strength, rows);
    return rows;
  });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(png);
  link.download = restoredName(picture.name);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser reads it after the click
}
