/** The frame with the picture, its divider, and the slider that moves it. */

import type { Picture } from "./picture";
import { View } from "./view";

/** What a zoom button asks for: the whole picture, a step, or pixels of the screen for one of the picture. */
export type Zoom = "fit" | "in" | "out" | number;

export class Stage {
  readonly element: HTMLElement;
  readonly view: View;
  private readonly slider: HTMLInputElement;
  private readonly after: HTMLCanvasElement;
  private readonly divider: HTMLElement;
  private readonly tags: HTMLElement[];
  private compares = false; // whether there are two pictures to compare
  private difference = false;

  constructor(section: HTMLElement) {
    const find = <T extends HTMLElement>(selector: string): T => section.querySelector<T>(selector)!;
    this.element = find(".stage");
    this.slider = find<HTMLInputElement>("input[name=split]");
    this.after = find<HTMLCanvasElement>("canvas.after");
    this.divider = find(".divider");
    this.tags = [find(".tag.left"), find(".tag.right")];
    this.view = new View(this.element, find<HTMLCanvasElement>("canvas.before"), this.after);
    this.slider.addEventListener("input", () => this.place());
    this.place();
  }

  /** The share of the stage that shows the picture as it came. */
  get split(): number {
    return this.slider.valueAsNumber / 100;
  }

  /** Shows another picture. */
  show(picture: Picture): void {
    this.element.querySelector<HTMLElement>(".empty")!.hidden = true;
    this.view.show(picture);
    this.moved();
  }

  showRestored(data: Uint8Array | null): void {
    this.view.showRestored(data);
    this.compares = data !== null;
    this.arrange();
  }

  showDifference(difference: boolean): void {
    this.difference = difference;
    this.view.setDifference(difference);
    this.arrange();
  }

  divide(share: number): void {
    if (this.slider.disabled) return;
    this.slider.value = String(100 * Math.min(Math.max(share, 0), 1));
    this.place();
  }

  zoom(to: Zoom): void {
    const { camera } = this.view;
    if (to === "fit") camera.fit();
    else if (to === "in") camera.zoom(camera.scale * Math.SQRT2);
    else if (to === "out") camera.zoom(camera.scale / Math.SQRT2);
    else camera.zoom(to);
    this.moved();
  }

  /** The camera has moved. A picture that fits its frame leaves dragging up and down to the page. */
  moved(): void {
    this.element.classList.toggle("cropped", this.view.camera.cropped);
    this.view.redraw();
  }

  /** Shows the divider where there is something to compare. */
  private arrange(): void {
    const divided = this.compares && !this.difference;
    this.slider.disabled = !divided;
    for (const part of [this.divider, ...this.tags]) part.hidden = !divided;
    this.after.setAttribute("aria-label", this.difference ? "What was taken away" : "After");
    this.place();
  }

  private place(): void {
    this.element.style.setProperty("--split", this.difference ? "0%" : `${100 * this.split}%`);
  }
}
