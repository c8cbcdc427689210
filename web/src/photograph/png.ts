/** Writes a PNG row by row, so that no canvas has to hold a large picture or round its transparency. */

import type { Picture } from "./picture";
import { deflated } from "./zlib";

type Bytes = Uint8Array<ArrayBuffer>;

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const STRIP = 2 ** 18; // bytes that are compressed at once
const UP = 2; // the filter: each byte less the one above

/** Gives rows of colours in the picture's layout: `count` of them, from row `top`. */
export type Rows = (top: number, count: number) => Uint8Array | Uint8ClampedArray;

/**
 * @param picture Its size, its channels, its alpha and its profile are written.
 * @param rows The colours that are written.
 */
export async function encodePng(picture: Picture, rows: Rows): Promise<Blob> {
  const { width, height, channels, alpha, profile } = picture;
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, (channels === 3 ? 2 : 0) + (alpha ? 4 : 0)], 8); // bits, and the kind of colours
  const parts = [new Uint8Array(SIGNATURE), chunk("IHDR", header)];
  if (profile) parts.push(chunk("iCCP", concatenated(ascii("profile\0\0"), await deflated(profile))));
  const stream = new CompressionStream("deflate");
  const [writing, compressed] = [stream.writable.getWriter(), collect(stream.readable)];
  const write = async (): Promise<void> => {
    const samples = channels + (alpha ? 1 : 0);
    const count = Math.max(Math.floor(STRIP / (width * samples)), 1);
    let above: Uint8Array = new Uint8Array(width * samples);
    for (let top = 0; top < height; top += count) {
      const size = Math.min(count, height - top);
      const strip = withAlpha(picture, rows(top, size), top);
      await writing.write(filtered(strip, above, size));
      above = strip.subarray(strip.length - width * samples);
      await new Promise((resolve) => setTimeout(resolve)); // so that the page answers meanwhile
    }
    await writing.close();
  };
  const [pieces] = await Promise.all([compressed, write()]);
  for (const piece of pieces) parts.push(chunk("IDAT", piece));
  return new Blob([...parts, chunk("IEND", new Uint8Array(0))], { type: "image/png" });
}

function withAlpha({ width, channels, alpha }: Picture, colours: ArrayLike<number>, top: number): Uint8Array {
  if (!alpha) return Uint8Array.from(colours);
  const strip = new Uint8Array((colours.length / channels) * (channels + 1));
  for (let from = 0, to = 0, pixel = top * width; to < strip.length; pixel++) {
    for (let channel = 0; channel < channels; channel++) strip[to++] = colours[from++]!;
    strip[to++] = alpha[pixel]!;
  }
  return strip;
}

function filtered(strip: Uint8Array, above: Uint8Array, rows: number): Bytes {
  const length = strip.length / rows;
  const lines = new Uint8Array(rows * (length + 1));
  for (let row = 0; row < rows; row++) {
    const to = row * (length + 1);
    lines[to] = UP;
    for (let i = 0; i < length; i++) {
      const up = row ? strip[(row - 1) * length + i]! : above[i]!;
      lines[to + 1 + i] = strip[row * length + i]! - up; // modulo 256
    }
  }
  return lines;
}

async function collect(stream: ReadableStream<Bytes>): Promise<Bytes[]> {
  const pieces: Bytes[] = [];
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) pieces.push(next.value);
  return pieces;
}

function chunk(kind: string, content: Bytes): Bytes {
  const whole = new Uint8Array(12 + content.length);
  const view = new DataView(whole.buffer);
  view.setUint32(0, content.length);
  whole.set(ascii(kind), 4);
  whole.set(content, 8);
  view.setUint32(8 + content.length, checksum(whole.subarray(4, 8 + content.length)));
  return whole;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** CRC-32, as the standard of PNG has it. */
function checksum(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 255]! ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

function ascii(text: string): Bytes {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

function concatenated(first: Bytes, second: Bytes): Bytes {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
