/** The page as a whole, in a real browser: both rooms, in light and dark. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { visit, watch } from "./harness";
import { made } from "./pictures";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const ROOMS = ["garments", "photograph"] as const;
const WIDTHS = [360, 1280, 2560];
const FIRST_PICTURE = 2000; // ms

const here = visit();

/** Opens a room, and waits until it is filled. */
async function enter(page: Page, room: string): Promise<void> {
  await page.goto(`${here.url}#${room}`);
  await page.locator("footer").waitFor();
}

/** Restores a small picture, so that all of the room is in use. */
async function restore(page: Page): Promise<void> {
  const buffer = await made(page, 300, 200, "image/png");
  await page.setInputFiles("input[name=file]", { name: "small.png", mimeType: "image/png", buffer });
  await page.locator(".download:enabled").waitFor();
}

/** The broken rules of accessibility, with the elements that break them. */
async function broken(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof import("axe-core") };
    const { violations } = await axe.run();
    return violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`,
    );
  });
}

describe.each(ROOMS)("the room %s", (room) => {
  it.each(["light", "dark"] as const)(
    "has no broken rule of accessibility when it is %s",
    async (colorScheme) => {
      const page = await here.browser.newPage({ colorScheme });
      const seen = watch(page, here.url);
      await enter(page, room);
      expect(await broken(page)).toEqual([]);
      if (room === "photograph") {
        await restore(page);
        expect(await broken(page)).toEqual([]);
      }
      expect(seen).toEqual({ foreign: [], errors: [] });
      await page.close();
    },
  );

  it.each(WIDTHS)("does not scroll sideways at %i pixels", async (width) => {
    const page = await here.browser.newPage({ viewport: { width, height: 800 } });
    await enter(page, room);
    const wide = (): Promise<number> =>
      page.evaluate(() => {
        scrollTo(10_000, 0);
        return scrollX;
      });
    expect(await wide()).toBe(0);
    if (room === "photograph") {
      await restore(page);
      expect(await wide()).toBe(0);
    }
    await page.close();
  });

  it.each(WIDTHS)("does not move anything at %i pixels while it loads", async (width) => {
    const page = await here.browser.newPage({ viewport: { width, height: 800 } });
    await page.addInitScript(() => {
      const shifts: unknown[] = ((globalThis as Record<string, unknown>).shifts = []);
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
          const { value, sources } = entry as PerformanceEntry & {
            value: number;
            sources: { node?: Element }[];
          };
          shifts.push(`${value} of ${sources.map(({ node }) => node?.outerHTML?.slice(0, 80)).join(", ")}`);
        }
      }).observe({ type: "layout-shift", buffered: true });
    });
    await enter(page, room);
    if (room === "photograph") await restore(page);
    await page.waitForTimeout(500);
    expect(await page.evaluate(() => (globalThis as Record<string, unknown>).shifts)).toEqual([]);
    await page.close();
  });
});

it("shows its first picture within two seconds", async () => {
  const page = await here.browser.newPage();
  await enter(page, "garments"); // once, so that the server and the browser are warm
  await page.goto("about:blank");
  await page.goto(`${here.url}#garments`, { waitUntil: "commit" });
  await page.waitForFunction(() =>
    [...document.querySelectorAll<HTMLCanvasElement>("#garments canvas")].some((canvas) => {
      const pixels = canvas.width
        ? canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data
        : null;
      return pixels?.some((value, i) => i % 4 < 3 && value > 0);
    }),
  );
  expect(await page.evaluate(() => performance.now())).toBeLessThan(FIRST_PICTURE);
  await page.close();
});

it("goes from room to room, and back to what was shown there", async () => {
  const page = await here.browser.newPage();
  const seen = watch(page, here.url);
  await enter(page, "photograph?any=1");
  expect(await page.title()).toContain("Your photograph");
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to the content");
  await page.keyboard.press("Enter");
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("content");
  expect(page.url()).toContain("#photograph?any=1");
  await page.click("nav [data-room=garments]");
  await page.locator("#garments").waitFor();
  expect(await page.locator("#photograph").isVisible()).toBe(false);
  expect(await page.locator("[aria-current=page]").textContent()).toBe("Garments");
  await page.click("nav [data-room=photograph]");
  await page.locator("#photograph .stage").waitFor();
  expect(page.url()).toContain("#photograph?any=1");
  expect(seen).toEqual({ foreign: [], errors: [] });
  await page.close();
});

it("opens one room when the other one cannot be loaded, and says so in one line", async () => {
  const page = await here.browser.newPage();
  await page.route(/assets\/room-[^/]*\.js$/, async (route) => {
    const answer = await route.fetch();
    const text = await answer.text();
    if (text.includes("Drop a photograph")) await route.abort();
    else await route.fulfill({ response: answer, body: text });
  });
  await enter(page, "photograph");
  await expect
    .poll(() => page.locator("[role=alert]").textContent())
    .toContain("This room could not be opened");
  await page.click("nav [data-room=garments]");
  await page.locator("#garments").waitFor();
  await expect.poll(() => page.locator("#garments").textContent()).not.toBe("");
  await page.close();
});

it("says what to do where its models were not exported", async () => {
  const page = await here.browser.newPage();
  await page.route(/laboratory\.json$/, (route) => route.fulfill({ status: 404 }));
  await enter(page, "garments");
  await expect.poll(() => page.locator("[role=alert]").textContent()).toContain("export.py format=web");
  await page.close();
});
