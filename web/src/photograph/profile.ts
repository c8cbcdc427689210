/** Finds the colour profile (ICC) in a file, so that the restored picture can keep it. */

import { inflated } from "./zlib";

type Bytes = Uint8Array<ArrayBuffer>;

const BEGINNING = 4 * 2 ** 20; // bytes, within which profiles lie

/** The profile of a JPEG, PNG or WebP. Null if there is none, or if it cannot be read. */
export async function profileOf(file: Blob): Promise<Bytes | null> {
  const bytes = new Uint8Array(await file.slice(0, BEGINNING).arrayBuffer());
  try {
    if (bytes[0] === 0xff && bytes[1] === 0xd8) return ofJpeg(bytes);
    if (text(bytes, 1, 3) === "PNG") return await ofPng(bytes);
    if (text(bytes, 0, 4) === "RIFF") return ofWebp(bytes);
  } catch {
    // A damaged profile is as good as none.
  }
  return null;
}

/** The segments of a profile say which part of how many they are, in the order of the file. */
function ofJpeg(bytes: Bytes): Bytes | null {
  const view = new DataView(bytes.buffer);
  const parts: Bytes[] = [];
  for (let at = 2; at + 4 < bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda;) {
    const end = at + 2 + view.getUint16(at + 2);
    if (bytes[at + 1] === 0xe2 && text(bytes, at + 4, 11) === "ICC_PROFILE") {
      parts.push(bytes.subarray(at + 18, end));
    }
    at = end;
  }
  return parts.length ? joined(parts) : null;
}

async function ofPng(bytes: Bytes): Promise<Bytes | null> {
  const view = new DataView(bytes.buffer);
  for (let at = 8; at + 8 < bytes.length && text(bytes, at + 4, 4) !== "IDAT";) {
    const length = view.getUint32(at);
    if (text(bytes, at + 4, 4) === "iCCP") {
      const chunk = bytes.subarray(at + 8, at + 8 + length);
      return await inflated(chunk.subarray(chunk.indexOf(0) + 2)); // after its name and the method
    }
    at += 12 + length;
  }
  return null;
}

function ofWebp(bytes: Bytes): Bytes | null {
  const view = new DataView(bytes.buffer);
  for (let at = 12; at + 8 < bytes.length;) {
    const length = view.getUint32(at + 4, true);
    if (text(bytes, at, 4) === "ICCP") return bytes.slice(at + 8, at + 8 + length);
    at += 8 + length + (length % 2);
  }
  return null;
}

function text(bytes: Bytes, from: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(from, from + length));
}

function joined(parts: Bytes[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
