/** A picture at half its size, at a quarter, …, so that a small view of a large picture is quick. */

import type { Area } from "./picture";

export interface Level {
  width: number;
  height: number;
  data: Uint8Array;
}

const SMALLEST = 64; // pixels of the shorter side

export class Pyramid {
  /** The picture itself, and then each level with half the height and width of the one before. */
  readonly levels: Level[];

  /** @param data The picture's own bytes, which are not copied. */
  constructor(
    width: number,
    height: number,
    private readonly channels: number,
    data: Uint8Array,
  ) {
    this.levels = [{ width, height, data }];
    while (Math.min(width, height) > SMALLEST) {
      [width, height] = [Math.ceil(width / 2), Math.ceil(height / 2)];
      this.levels.push({ width, height, data: new Uint8Array(width * height * channels) });
    }
    this.update({ left: 0, top: 0, width: this.levels[0]!.width, height: this.levels[0]!.height });
  }

  /** Says that the picture's bytes have changed there. */
  update(area: Area): void {
    let [left, top] = [area.left, area.top];
    let [right, bottom] = [area.left + area.width, area.top + area.height];
    for (let i = 1; i < this.levels.length; i++) {
      [left, top] = [left >> 1, top >> 1];
      [right, bottom] = [(right + 1) >> 1, (bottom + 1) >> 1];
      this.halve(this.levels[i - 1]!, this.levels[i]!, left, top, right, bottom);
    }
  }

  /** Averages 2 x 2 pixels. The last row and column of an odd side count twice. */
  private halve(from: Level, to: Level, left: number, top: number, right: number, bottom: number): void {
    const channels = this.channels;
    for (let y = top; y < bottom; y++) {
      const first = 2 * y * from.width;
      const second = Math.min(2 * y + 1, from.height - 1) * from.width;
      for (let x = left; x < right; x++) {
        const a = 2 * x;
        const b = Math.min(a + 1, from.width - 1);
        for (let channel = 0; channel < channels; channel++) {
          const sum =
            from.data[(first + a) * channels + channel]! +
            from.data[(first + b) * channels + channel]! +
            from.data[(second + a) * channels + channel]! +
            from.data[(second + b) * channels + channel]!;
          to.data[(y * to.width + x) * channels + channel] = (sum + 2) >> 2;
        }
      }
    }
  }
}
