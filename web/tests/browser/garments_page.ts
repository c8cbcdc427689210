/** The room "Garments" as a test sees it. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { titleOf } from "../../src/garments/words";
import type { Laboratory, Model } from "../../src/laboratory";
import { PAGE } from "./harness";

export const laboratory = JSON.parse(readFileSync(join(PAGE, "laboratory.json"), "utf8")) as Laboratory;

/** The name of the picture that a model restored. */
export function restored(model: Model): string {
  return `Restored: ${titleOf(model, laboratory.models)}`;
}

export class GarmentsPage {
  constructor(
    readonly page: Page,
    private readonly url: string,
  ) {}

  async open(address: string): Promise<void> {
    await this.page.goto(`${this.url}#garments?${address}`);
    await this.settled();
  }

  /** Waits until what is on screen belongs to the newest change. */
  async settled(): Promise<void> {
    await this.page.waitForSelector('.bench[aria-busy="false"]');
  }

  async slide(strength: number): Promise<void> {
    await this.page.getByRole("slider", { name: "Strength" }).fill(String(strength));
    await this.settled();
  }

  card(model: Model): Locator {
    const box = this.page.getByRole("checkbox", { name: titleOf(model, laboratory.models) });
    return this.page.locator(".model").filter({ has: box });
  }

  /** What a picture shows, from 0 to 255. */
  pixels(name: string): Promise<number[]> {
    const canvas = this.page.getByRole("img", { name, exact: true });
    return canvas.evaluate((element: HTMLCanvasElement) => {
      const { data } = element.getContext("2d")!.getImageData(0, 0, element.width, element.height);
      return [...data].filter((_, index) => index % 4 === 0);
    });
  }

  /** The names of the pictures that another person sees differently who follows this page's address. */
  async differences(other: Page, names: readonly string[]): Promise<string[]> {
    await other.goto(this.page.url());
    const theirs = new GarmentsPage(other, this.url);
    await theirs.settled();
    const wrong: string[] = [];
    for (const name of names) {
      if (String(await theirs.pixels(name)) !== String(await this.pixels(name))) wrong.push(name);
    }
    return wrong;
  }
}
