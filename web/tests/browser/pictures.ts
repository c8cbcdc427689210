/** Pictures for the tests, made and read by the browser's own coders. */

import type { Page } from "playwright-core";

export interface Pixels {
  width: number;
  height: number;
  /** RGBA. */
  data: Buffer;
}

/** Decodes a picture file. `page` is any page. */
export async function pixelsOf(page: Page, file: Buffer): Promise<Pixels> {
  const { width, height, encoded } = await page.evaluate(async (encoded) => {
    const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes]), { colorSpaceConversion: "none" });
    const { width, height } = bitmap;
    const context = new OffscreenCanvas(width, height).getContext("2d")!;
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    let text = "";
    for (let at = 0; at < data.length; at += 8192)
      text += String.fromCharCode(...data.subarray(at, at + 8192));
    return { width, height, encoded: btoa(text) };
  }, file.toString("base64"));
  return { width, height, data: Buffer.from(encoded, "base64") };
}

/**
 * Encodes a picture whose left upper quarter is red and whose right upper quarter is green. Below is noise
 * that repeats.
 */
export async function made(page: Page, width: number, height: number, type: string): Promise<Buffer> {
  const encoded = await page.evaluate(
    async ([width, height, type]) => {
      const tile = new ImageData(256, 256);
      for (let i = 0, state = 1; i < tile.data.length; i++) {
        state = (state * 48271) % 2147483647;
        tile.data[i] = i % 4 === 3 ? 255 : 90 + (state % 60);
      }
      const noise = new OffscreenCanvas(256, 256);
      noise.getContext("2d")!.putImageData(tile, 0, 0);
      const canvas = new OffscreenCanvas(width, height);
      const context = canvas.getContext("2d")!;
      context.fillStyle = context.createPattern(noise, "repeat")!;
      context.fillRect(0, 0, width, height);
      context.fillStyle = "#ff0000";
      context.fillRect(0, 0, width / 2, height / 2);
      context.fillStyle = "#00ff00";
      context.fillRect(width / 2, 0, width / 2, height / 2);
      const blob = await canvas.convertToBlob({ type, quality: 0.9 });
      const bytes = new Uint8Array(await blob.arrayBuffer());
      let text = "";
      for (let at = 0; at < bytes.length; at += 8192)
        text += String.fromCharCode(...bytes.subarray(at, at + 8192));
      return btoa(text);
    },
    [width, height, type] as const,
  );
  return Buffer.from(encoded, "base64");
}

/** A JPEG with EXIF's number of an orientation. */
export function oriented(jpeg: Buffer, orientation: number): Buffer {
  const tiff = Buffer.from("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0", "latin1");
  tiff.writeUInt16BE(orientation, 18);
  const content = Buffer.concat([Buffer.from("Exif\0\0", "latin1"), tiff]);
  const head = Buffer.from([0xff, 0xe1, 0, content.length + 2]);
  return Buffer.concat([jpeg.subarray(0, 2), head, content, jpeg.subarray(2)]);
}
