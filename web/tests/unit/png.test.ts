import { crc32, inflateSync, deflateSync } from "node:zlib";
import { expect, it } from "vitest";
import type { Picture } from "../../src/photograph/picture";
import { encodePng } from "../../src/photograph/png";
import { profileOf } from "../../src/photograph/profile";

const PROFILE = Uint8Array.from({ length: 3000 }, (_, i) => (i * i) % 251);

function picture(width: number, height: number, channels: 1 | 3, transparent: boolean): Picture {
  const bytes = (count: number, step: number) =>
    Uint8Array.from({ length: count }, (_, i) => (i * step + (i >> 7)) % 256);
  return {
    name: "a.png",
    width,
    height,
    channels,
    data: bytes(width * height * channels, 37),
    alpha: transparent ? bytes(width * height, 11) : null,
    profile: null,
  };
}

async function encoded(given: Picture): Promise<Buffer> {
  const line = given.width * given.channels;
  const png = await encodePng(given, (top, count) => given.data.subarray(top * line, (top + count) * line));
  return Buffer.from(await png.arrayBuffer());
}

/** Chunks by their names, with checksums that hold. Contents of equal names are joined. */
function chunks(png: Buffer): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  expect([...png.subarray(0, 8)]).toEqual([137, 80, 78, 71, 13, 10, 26, 10]);
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at);
    const name = png.toString("latin1", at + 4, at + 8);
    expect(png.readUInt32BE(at + 8 + length)).toBe(crc32(png.subarray(at + 4, at + 8 + length)));
    found.set(
      name,
      Buffer.concat([found.get(name) ?? Buffer.alloc(0), png.subarray(at + 8, at + 8 + length)]),
    );
    at += 12 + length;
  }
  return found;
}

it.each([
  [7, 5, 3, false],
  [7, 5, 1, false],
  [3, 4, 3, true],
  [3, 4, 1, true],
  [1500, 1000, 3, false], // of several strips
] as const)("%i x %i pixels, %i channels, transparency %s", async (width, height, channels, transparent) => {
  const given = picture(width, height, channels, transparent);
  const found = chunks(await encoded(given));
  const header = found.get("IHDR")!;
  expect([header.readUInt32BE(0), header.readUInt32BE(4), header[8]]).toEqual([width, height, 8]);
  expect(header[9]).toBe((channels === 3 ? 2 : 0) | (transparent ? 4 : 0));
  const samples = channels + (transparent ? 1 : 0);
  const lines = inflateSync(found.get("IDAT")!);
  const length = width * samples;
  expect(lines.length).toBe(height * (length + 1));
  let above = new Uint8Array(length);
  let wrong = 0;
  for (let y = 0; y < height; y++) {
    expect(lines[y * (length + 1)]).toBe(2);
    const line = above.map((up, i) => up + lines[y * (length + 1) + 1 + i]!);
    for (let i = 0; i < length; i++) {
      const [x, sample] = [Math.floor(i / samples), i % samples];
      const right =
        sample < channels ? given.data[(y * width + x) * channels + sample]! : given.alpha![y * width + x]!;
      wrong += line[i] === right ? 0 : 1;
    }
    above = line;
  }
  expect(wrong).toBe(0);
});

it("a profile that is written is found again", async () => {
  const png = await encoded({ ...picture(3, 4, 3, false), profile: PROFILE });
  expect(chunks(png).has("iCCP")).toBe(true);
  expect(await profileOf(new Blob([new Uint8Array(png)]))).toEqual(PROFILE);
});

it("the parts of a JPEG's profile are joined, and a WebP's is found", async () => {
  const part = (number: number, bytes: Uint8Array): Buffer => {
    const head = Buffer.from([0xff, 0xe2, (bytes.length + 16) >> 8, (bytes.length + 16) & 255]);
    return Buffer.concat([head, Buffer.from("ICC_PROFILE\0"), Buffer.from([number, 2]), bytes]);
  };
  const jpeg = Buffer.concat([
    Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2]), // another segment comes first
    part(1, PROFILE.subarray(0, 2000)),
    part(2, PROFILE.subarray(2000)),
    Buffer.from([0xff, 0xda, 0, 2]),
  ]);
  expect(await profileOf(new Blob([new Uint8Array(jpeg)]))).toEqual(PROFILE);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(PROFILE.length);
  const webp = Buffer.concat([Buffer.from("RIFF----WEBPICCP"), size, PROFILE, Buffer.from("VP8 \0\0\0\0")]);
  expect(await profileOf(new Blob([new Uint8Array(webp)]))).toEqual(PROFILE);
});

it("a damaged profile is as good as none", async () => {
  const png = await encoded({ ...picture(3, 4, 3, false), profile: PROFILE });
  png[png.indexOf("iCCP") + 20]! ^= 255;
  expect(await profileOf(new Blob([new Uint8Array(png)]))).toBeNull();
  expect(await profileOf(new Blob([deflateSync("no picture")]))).toBeNull();
});
