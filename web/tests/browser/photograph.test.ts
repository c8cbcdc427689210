/** The room "Your photograph", in a real browser. */

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { EXPECTED, visit, watch } from "./harness";
import { made, oriented, pixelsOf } from "./pictures";

const expected = JSON.parse(readFileSync(EXPECTED, "utf8")).photograph as { noisy: string; restored: string };
const NOISY = readFileSync(join(dirname(EXPECTED), expected.noisy));
const RESTORED = readFileSync(join(dirname(EXPECTED), expected.restored));
const WHOLE = 120_000; // ms for a small picture, on a machine that is busy

const here = visit();
let page: Page;
let seen: ReturnType<typeof watch>;

async function enter(): Promise<void> {
  page = await here.browser.newPage({ viewport: { width: 1280, height: 900 } });
  seen = watch(page, here.url);
  await page.goto(`${here.url}#photograph`);
  await page.locator("#photograph .stage").waitFor();
}

async function leave(): Promise<void> {
  expect(seen).toEqual({ foreign: [], errors: [] });
  await page.close();
}

async function give(buffer: Buffer, name: string, mimeType = "image/png"): Promise<void> {
  await page.setInputFiles("input[name=file]", { name, mimeType, buffer });
}

/** Waits until this picture is shown. */
async function shown(name: string): Promise<string> {
  await page.locator(".about", { hasText: name }).waitFor({ timeout: WHOLE });
  return (await page.locator(".about").textContent())!;
}

async function whole(): Promise<void> {
  await page.locator(".download:enabled").waitFor({ timeout: WHOLE });
}

async function downloaded(): Promise<{ name: string; file: Buffer }> {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(".download")]);
  return { name: download.suggestedFilename(), file: readFileSync((await download.path())!) };
}

async function slide(name: string, value: number): Promise<void> {
  await page.locator(`input[name=${name}]`).evaluate((input: HTMLInputElement, value) => {
    input.value = String(value);
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }, value);
}

/** What a canvas shows at a place of the stage, in pixels of the screen, after the next frames. */
function seenAt(layer: "before" | "after", x: number, y: number): Promise<number[]> {
  return page.locator(`canvas.${layer}`).evaluate(
    async (canvas: HTMLCanvasElement, [x, y]) => {
      for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
      return [...canvas.getContext("2d")!.getImageData(x, y, 1, 1).data];
    },
    [x, y] as const,
  );
}

/** The part of the restored picture that the divider hides, in percent of the stage. */
function hidden(): Promise<number> {
  return page.locator(".stage").evaluate((stage) => parseFloat(stage.style.getPropertyValue("--split")));
}

describe("a noisy picture", { timeout: 2 * WHOLE }, () => {
  beforeAll(async () => {
    await enter();
    await give(NOISY, "holiday.jpeg");
    await whole();
  }, WHOLE);
  afterAll(leave);

  it("is restored as denoise.py does it, to 1/255, in the file that is downloaded", async () => {
    const { name, file } = await downloaded();
    expect(name).toBe("holiday.png");
    expect(await page.locator(".how").isVisible()).toBe(false); // its noise does not grow with the light
    const [ours, python] = [await pixelsOf(page, file), await pixelsOf(page, RESTORED)];
    expect([ours.width, ours.height]).toEqual([python.width, python.height]);
    const most = ours.data.reduce((most, value, i) => Math.max(most, Math.abs(value - python.data[i]!)), 0);
    expect(most).toBeLessThanOrEqual(1);
  });

  it("with strength 0 is the original, and with 1.5 what denoise.py's formula says", async () => {
    await slide("strength", 0);
    const [noisy, none] = [await pixelsOf(page, NOISY), await pixelsOf(page, (await downloaded()).file)];
    expect(none.data.equals(noisy.data)).toBe(true);
    await slide("strength", 1.5);
    const more = await pixelsOf(page, (await downloaded()).file);
    const python = await pixelsOf(page, RESTORED);
    const most = more.data.reduce((most, value, i) => {
      const right = python.data[i]! + 0.5 * (python.data[i]! - noisy.data[i]!);
      return Math.max(most, Math.abs(value - Math.min(Math.max(right, 0), 255)));
    }, 0);
    expect(most).toBeLessThanOrEqual(2); // a rounding of 1 in the restored value counts 1.5 times
    await slide("strength", 1);
  });

  it("is seen before and after, and as what was taken away", async () => {
    await page.click("[data-zoom='1']");
    const { width, height } = await page
      .locator("canvas.before")
      .evaluate(({ width, height }: HTMLCanvasElement) => ({ width, height }));
    const [noisy, python] = [await pixelsOf(page, NOISY), await pixelsOf(page, RESTORED)];
    const [left, top] = [Math.round((width - noisy.width) / 2), Math.round((height - noisy.height) / 2)];
    for (const [x, y] of [
      [100, 60],
      [350, 250],
      [600, 300],
    ] as const) {
      const first = 4 * (y * noisy.width + x);
      const before = [...noisy.data.subarray(first, first + 4)];
      expect(await seenAt("before", left + x, top + y)).toEqual(before);
      const after = await seenAt("after", left + x, top + y);
      after.forEach((value, i) => expect(Math.abs(value - python.data[first + i]!)).toBeLessThanOrEqual(1));
      await page.check("input[value=difference]");
      const right = after
        .slice(0, 3)
        .map((value, i) => Math.min(Math.max(128 + 2 * (before[i]! - value), 0), 255));
      expect((await seenAt("after", left + x, top + y)).slice(0, 3)).toEqual(right);
      expect(await hidden()).toBe(0);
      await page.check("input[value=after]");
    }
  });

  it("has a divider that follows the slider, its keys and the pointer", async () => {
    const slider = page.locator("input[name=split]");
    await slider.focus();
    await page.keyboard.press("Home");
    expect(await hidden()).toBe(0);
    await page.keyboard.press("ArrowRight");
    expect(await hidden()).toBe(0.5);
    await page.click("[data-zoom=fit]");
    const stage = (await page.locator(".stage").boundingBox())!;
    await page.mouse.move(stage.x + 0.25 * stage.width, stage.y + 50);
    await page.mouse.down();
    await page.mouse.move(stage.x + 0.75 * stage.width, stage.y + 60, { steps: 3 });
    await page.mouse.up();
    expect(Math.abs((await hidden()) - 75)).toBeLessThan(1);
    expect(Number(await slider.inputValue())).toBe(await hidden());
  });

  it("is moved and zoomed by keys", async () => {
    await page.locator(".stage").focus();
    const scale = page.locator("output[name=scale]");
    await page.keyboard.press("4");
    await expect.poll(() => scale.textContent()).toBe("400 %");
    const before = await seenAt("before", 200, 200);
    await page.keyboard.press("ArrowRight"); // 40 pixels of the screen
    expect(await seenAt("before", 160, 200)).toEqual(before);
    await page.keyboard.press("0");
    await expect.poll(() => scale.textContent()).not.toBe("400 %");
  });
});

describe("a file", { timeout: 2 * WHOLE }, () => {
  beforeEach(enter);
  afterEach(leave);

  it("that is no picture gets one line, and what was there stays", async () => {
    await give(await made(page, 120, 80, "image/png"), "first.png");
    await whole();
    await give(Buffer.from("dear diary"), "diary.txt", "text/plain");
    const line = page.locator("[role=alert]");
    await expect.poll(() => line.textContent()).toContain("diary.txt is damaged, or not a picture");
    expect(await line.textContent()).not.toContain("\n");
    expect(await shown("first.png")).toContain("120 × 80");
    const cut = (await made(page, 120, 80, "image/png")).subarray(0, 60);
    await give(cut, "cut.png");
    await expect.poll(() => line.textContent()).toContain("cut.png is damaged");
    await downloaded(); // the first one is still whole
    await page.click("#message button");
    expect(await page.locator("#message").isVisible()).toBe(false);
  });

  it("with EXIF's orientation is upright", async () => {
    const jpeg = await made(page, 160, 96, "image/jpeg");
    await give(oriented(jpeg, 6), "turned.jpg", "image/jpeg"); // to be turned clockwise by a quarter
    expect(await shown("turned.jpg")).toContain("96 × 160 pixels, in colour");
    await whole();
    const { width, height, data } = await pixelsOf(page, (await downloaded()).file);
    expect([width, height]).toEqual([96, 160]);
    const at = (x: number, y: number): number[] => [
      ...data.subarray(4 * (y * width + x), 4 * (y * width + x) + 3),
    ];
    expect(at(80, 20)[0]! - at(80, 20)[1]!).toBeGreaterThan(150); // red was left above, green right above
    expect(at(80, 140)[1]! - at(80, 140)[0]!).toBeGreaterThan(150);
  });

  it("arrives with the numbers that are stored in it, whatever they mean as colours", async () => {
    const png = await made(page, 64, 48, "image/png");
    const gamma = Buffer.from("\0\0\0\x04gAMA----====", "latin1");
    gamma.writeUInt32BE(100_000, 8); // the numbers are linear in the light
    gamma.writeUInt32BE(crc32(gamma.subarray(4, 12)), 12);
    await give(Buffer.concat([png.subarray(0, 33), gamma, png.subarray(33)]), "linear.png");
    await whole();
    await slide("strength", 0);
    const [given, written] = [await pixelsOf(page, png), await pixelsOf(page, (await downloaded()).file)];
    expect(written.data.equals(given.data)).toBe(true);
  });

  it("in grey stays grey, and keeps its transparency", async () => {
    const picture = await page.evaluate(async () => {
      const pixels = new ImageData(90, 70);
      for (let i = 0; i < pixels.data.length; i += 4) {
        pixels.data.fill(60 + ((i * 7) % 90), i, i + 3);
        pixels.data[i + 3] = i / 4 < 90 * 30 ? 255 : 0;
      }
      const canvas = new OffscreenCanvas(90, 70);
      canvas.getContext("2d")!.putImageData(pixels, 0, 0);
      const blob = await canvas.convertToBlob({ type: "image/png" });
      return [...new Uint8Array(await blob.arrayBuffer())];
    });
    await give(Buffer.from(picture), "grey.png");
    expect(await shown("grey.png")).toBe("grey.png: 90 × 70 pixels, grey. Its transparency stays as it is.");
    await whole();
    const { file } = await downloaded();
    expect(file[25]).toBe(4); // PNG's number for grey with alpha
    const { data } = await pixelsOf(page, file);
    expect([data[3], data[4 * (90 * 30 - 1) + 3], data[4 * 90 * 30 + 3], data.at(-1)]).toEqual([
      255, 255, 0, 0,
    ]);
  });

  it.each(["paste", "drop"])("is taken by %s, also while another one is restored", async (how) => {
    await give(await made(page, 1800, 1200, "image/jpeg"), "large.jpg", "image/jpeg");
    await shown("large.jpg");
    const small = await made(page, 100, 60, "image/png");
    await page.evaluate(
      ([how, encoded]) => {
        const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
        const data = new DataTransfer();
        data.items.add(new File([bytes], "second.png", { type: "image/png" }));
        const options = { bubbles: true, cancelable: true };
        document.body.dispatchEvent(
          how === "paste"
            ? new ClipboardEvent("paste", { ...options, clipboardData: data })
            : new DragEvent("drop", { ...options, dataTransfer: data }),
        );
      },
      [how, small.toString("base64")] as const,
    );
    await shown("second.png");
    await whole();
    const { width, height } = await pixelsOf(page, (await downloaded()).file);
    expect([width, height]).toEqual([100, 60]);
  });

  it("of 24 megapixels is shown and fills in, stops at once, and leaves the page alive", async () => {
    await give(await made(page, 6000, 4000, "image/jpeg"), "huge.jpg", "image/jpeg");
    expect(await shown("huge.jpg")).toContain("6000 × 4000");
    const progress = page.locator("progress");
    await expect
      .poll(() => progress.evaluate((bar: HTMLProgressElement) => bar.value), { timeout: WHOLE })
      .toBeGreaterThan(0);
    expect((await seenAt("before", 300, 300))[3]).toBe(255);
    await page.click(".run"); // Cancel
    await expect
      .poll(() => page.locator(".status").textContent())
      .toBe("Stopped. The picture is as it came.");
    await expect.poll(() => page.workers().length, { timeout: 20_000 }).toBe(0); // no core goes on
    expect(await page.locator(".download").isDisabled()).toBe(true);
    await give(await made(page, 100, 60, "image/png"), "after.png");
    await shown("after.png");
    await whole();
  });
});
