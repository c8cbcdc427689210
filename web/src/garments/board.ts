/** A board to draw on, by mouse, finger, pen or keys. */

import type { Size } from "../metrics";
import { blank, stroke, toPicture, type Drawing } from "./drawing";
import { make } from "./element";
import { canvasFor, paint } from "./picture";

const RADIUS = 1.2; // pixels
const STEPS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export class DrawingBoard {
  readonly element: HTMLElement;
  drawing: Drawing;
  private readonly canvas: HTMLCanvasElement;
  private readonly cursor = make("div", { className: "cursor" });
  private readonly eraser = make("input", { type: "checkbox" });
  private pen: [number, number] | null = null; // where the pointer was, while it draws
  private cell: [number, number]; // where the keys are

  constructor(
    private readonly size: Size,
    private readonly change: (drawing: Drawing) => void,
  ) {
    this.drawing = blank(size);
    this.cell = [Math.floor(size.columns / 2), Math.floor(size.rows / 2)];
    this.canvas = canvasFor(size);
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.canvas.ariaLabel = `Board of ${size.columns} by ${size.rows} pixels: arrow keys move, Space draws`;
    const clear = make("button", { type: "button" }, "Clear");
    this.element = make(
      "div",
      { className: "board", hidden: true },
      make("div", { className: "surface" }, this.canvas, this.cursor),
      make("div", { className: "tools" }, make("label", {}, this.eraser, " Eraser"), clear),
      make("p", { className: "faint" }, "By mouse, finger or pen, or by arrow keys and Space."),
    );
    clear.addEventListener("click", () => this.draw(blank(this.size)));
    this.listen();
    this.place();
    paint(this.canvas, toPicture(this.drawing, size), size);
  }

  show(drawing: Drawing): void {
    this.drawing = drawing;
    paint(this.canvas, toPicture(drawing, this.size), this.size);
  }

  private listen(): void {
    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.canvas.setPointerCapture(event.pointerId);
      this.pen = this.position(event);
      this.line(this.pen, this.pen);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (this.pen === null) return;
      const passed = event.getCoalescedEvents?.() ?? [];
      for (const step of passed.length > 0 ? passed : [event]) {
        const to = this.position(step);
        this.line(this.pen, to);
        this.pen = to;
      }
    });
    for (const end of ["pointerup", "pointercancel"] as const) {
      this.canvas.addEventListener(end, () => (this.pen = null));
    }
    this.canvas.addEventListener("keydown", (event) => {
      const step = STEPS[event.key];
      if (step !== undefined) this.move(step);
      else if (event.key === " ") this.line(this.middle, this.middle);
      else return;
      event.preventDefault(); // the page does not scroll
    });
  }

  private get middle(): [number, number] {
    return [this.cell[0] + 0.5, this.cell[1] + 0.5];
  }

  private move([across, down]: readonly [number, number]): void {
    const { columns, rows } = this.size;
    const within = (value: number, count: number): number => Math.min(Math.max(value, 0), count - 1);
    this.cell = [within(this.cell[0] + across, columns), within(this.cell[1] + down, rows)];
    this.place();
  }

  private place(): void {
    this.cursor.style.left = `${(100 * this.middle[0]) / this.size.columns}%`;
    this.cursor.style.top = `${(100 * this.middle[1]) / this.size.rows}%`;
  }

  /** Column and row of a pointer, where pixel 0 covers 0 to 1. */
  private position({ clientX, clientY }: PointerEvent): [number, number] {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    return [
      ((clientX - left) / width) * this.size.columns,
      ((clientY - top) / height) * this.size.rows,
    ];
  }

  private line(from: readonly [number, number], to: readonly [number, number]): void {
    const drawing = this.drawing.slice();
    stroke(drawing, this.size.columns, from, to, RADIUS, this.eraser.checked);
    this.draw(drawing);
  }

  private draw(drawing: Drawing): void {
    this.show(drawing);
    this.change(drawing);
  }
}
