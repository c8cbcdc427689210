/** The picture on the screen: before and after beside each other, or what was taken away. */

import { Camera } from "./camera";
import { draw } from "./layer";
import type { Area, Picture } from "./picture";
import { Pyramid } from "./pyramid";
import { blend, takenAway } from "./strength";

export class View {
  readonly camera = new Camera();
  /** Called after each drawing. */
  drawn: () => void = () => {};
  private picture: Picture | null = null;
  private original: Pyramid | null = null;
  private restored: Pyramid | null = null;
  private strength = 1;
  private difference = false;
  private readonly stale = { before: false, after: false };
  private asked = false;

  /**
   * @param stage Has the two canvases, one above the other, and sets the view's size.
   */
  constructor(
    private readonly stage: HTMLElement,
    private readonly before: HTMLCanvasElement,
    private readonly after: HTMLCanvasElement,
  ) {
    new ResizeObserver(() => this.resize()).observe(stage);
  }

  /** Shows another picture, of which nothing is restored yet. */
  show(picture: Picture): void {
    this.picture = picture;
    this.original = new Pyramid(picture.width, picture.height, picture.channels, picture.data);
    this.restored = null;
    this.camera.look(picture);
    this.redraw();
  }

  /** Shows what is restored, in the picture's layout. `update` tells its changes. Null is nothing. */
  showRestored(data: Uint8Array | null): void {
    const { width, height, channels } = this.picture!;
    this.restored = data && new Pyramid(width, height, channels, data);
    this.redraw();
  }

  update(area: Area): void {
    this.restored?.update(area);
    this.redraw(false);
  }

  setStrength(strength: number): void {
    this.strength = strength;
    this.redraw(false);
  }

  /** Shows what was taken away, in place of what is restored. */
  setDifference(difference: boolean): void {
    this.difference = difference;
    this.redraw(false);
  }

  /** Draws as soon as the browser shows its next frame. */
  redraw(before = true): void {
    this.stale.before ||= before;
    this.stale.after = true;
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.draw();
    });
  }

  private draw(): void {
    const { picture, original, restored } = this;
    if (!picture || !original) return;
    const levels = original.levels;
    if (this.stale.before) {
      draw(this.before, this.camera, picture, levels, (level, first, to) =>
        to.set(levels[level]!.data.subarray(first, first + to.length)),
      );
    }
    this.after.hidden = !restored;
    if (restored) {
      const shade = this.difference ? takenAway : blend;
      draw(this.after, this.camera, picture, levels, (level, first, to) => {
        const [noisy, clean] = [levels[level]!.data, restored.levels[level]!.data];
        const end = first + to.length;
        shade(noisy.subarray(first, end), clean.subarray(first, end), this.strength, to);
      });
    }
    this.stale.before = this.stale.after = false;
    this.drawn();
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.stage;
    if (clientWidth === 0) return; // the room is hidden
    const size = { width: clientWidth * devicePixelRatio, height: clientHeight * devicePixelRatio };
    for (const canvas of [this.before, this.after]) {
      [canvas.width, canvas.height] = [Math.round(size.width), Math.round(size.height)];
    }
    this.camera.resize({ width: this.before.width, height: this.before.height });
    this.redraw();
  }
}
