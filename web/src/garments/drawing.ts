/** A drawing of the visitor's: pixels of 16 greys, so that it fits into the page's address. */

import type { Size } from "../metrics";
import type { Picture } from "./picture";

/** A grey from 0 to 15 for each pixel. */
export type Drawing = Uint8Array;

export const WHITE = 15;

export function blank({ rows, columns }: Size): Drawing {
  return new Uint8Array(rows * columns);
}

/** The picture, with the same grey in every channel. */
export function toPicture(drawing: Drawing, { channels }: Size): Picture {
  const pixels = drawing.length;
  return Float32Array.from({ length: channels * pixels }, (_, i) => drawing[i % pixels]! / WHITE);
}

/** Two pixels in a byte, as base64 with the letters of addresses (RFC 4648, section 5). */
export function encode(drawing: Drawing): string {
  let bytes = "";
  for (let i = 0; i < drawing.length; i += 2) {
    bytes += String.fromCharCode((drawing[i]! << 4) | (drawing[i + 1] ?? 0));
  }
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Returns null if the text is not a drawing of this size. */
export function decode(text: string, { rows, columns }: Size): Drawing | null {
  let bytes: string;
  try {
    bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return null;
  }
  if (bytes.length !== Math.ceil((rows * columns) / 2)) return null;
  return Uint8Array.from({ length: rows * columns }, (_, i) => {
    return (bytes.charCodeAt(i >> 1) >> (i % 2 === 0 ? 4 : 0)) & 15;
  });
}

/**
 * Draws a line with round ends, in place.
 * @param from, to Column and row, where pixel 0 covers 0 to 1.
 * @param radius In pixels. Its edge is soft, one pixel wide.
 * @param erase Take white away.
 */
export function stroke(
  drawing: Drawing,
  columns: number,
  from: readonly [number, number],
  to: readonly [number, number],
  radius: number,
  erase: boolean,
): void {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const squared = dx * dx + dy * dy || 1;
  for (let i = 0; i < drawing.length; i++) {
    const [x, y] = [(i % columns) + 0.5 - from[0], Math.floor(i / columns) + 0.5 - from[1]];
    const along = Math.min(Math.max((x * dx + y * dy) / squared, 0), 1);
    const distance = Math.hypot(x - along * dx, y - along * dy);
    const cover = Math.round(WHITE * Math.min(Math.max(radius + 0.5 - distance, 0), 1));
    drawing[i] = erase ? Math.min(drawing[i]!, WHITE - cover) : Math.max(drawing[i]!, cover);
  }
}
