/** A picture with its name, how close it is to the clean one, and what classifiers see in it. */

import type { Size } from "../metrics";
import { draw, make } from "./element";
import type { Quality, Seen } from "./looking";
import { canvasFor, paint, type Picture } from "./picture";

const CLASSES = 3; // that are named, the most likely ones

export class Figure {
  readonly canvas: HTMLCanvasElement;
  readonly measures = make("p", { className: "measures" });
  readonly seen = make("div", { className: "seen" });

  constructor(
    name: string,
    private readonly size: Size,
    private readonly classNames: readonly string[],
  ) {
    this.canvas = canvasFor(size);
    this.canvas.setAttribute("role", "img");
    this.canvas.ariaLabel = name;
  }

  paint(picture: Picture): void {
    paint(this.canvas, picture, this.size);
  }

  clear(): void {
    this.canvas.getContext("2d")!.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.measures.textContent = "";
  }

  measure({ psnr, ssim }: Quality): void {
    this.measures.replaceChildren(
      make("span", {}, make("abbr", { title: "peak signal-to-noise ratio" }, "PSNR"), ` ${decibels(psnr)}`),
      make("span", {}, make("abbr", { title: "structural similarity" }, "SSIM"), ` ${ssim.toFixed(3)}`),
    );
  }

  /**
   * Shows what is seen, or as much empty space before it is known.
   * @param titles Of all that look at this picture, by id.
   */
  judge(titles: ReadonlyMap<string, string>, seen: readonly Seen[]): void {
    const lists = [...titles].map(([id, title]) => {
      const probabilities = seen.find(({ by }) => by === id)?.probabilities;
      return make("div", {}, make("h3", {}, `${title} sees`), this.list(probabilities));
    });
    this.seen.replaceChildren(...lists);
  }

  private list(probabilities: readonly number[] | undefined): HTMLElement {
    const ranked = [...(probabilities ?? []).entries()].sort((a, b) => b[1] - a[1]);
    const items = Array.from({ length: CLASSES }, (_, rank) => {
      const entry = ranked[rank];
      if (entry === undefined) return make("li", {}, make("span", {}, "–"));
      const percent = Math.round(100 * entry[1]);
      const name = make("span", {}, this.classNames[entry[0]]!);
      return make("li", {}, name, bar(percent), make("span", {}, `${percent} %`));
    });
    return make("ol", {}, ...items);
  }
}

function bar(percent: number): SVGElement {
  const full = draw("rect", { width: 100, height: 10, class: "full" });
  const part = draw("rect", { width: percent, height: 10 });
  const attributes = { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" };
  return draw("svg", attributes, full, part);
}

export function decibels(psnr: number): string {
  return `${psnr.toFixed(2)} dB`;
}
