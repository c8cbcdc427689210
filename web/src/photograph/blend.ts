/** Adds up tiles, and hands rows of the picture on as soon as no tile can change them any more. */

import type { Tiling } from "./tiles";

/** Takes finished rows: the first row, and their values (row, column, channel). */
export type Finish = (top: number, values: Float32Array) => void;

/**
 * Only the rows of tiles that are not finished are in memory. A tile has the network's channels. If the
 * picture is grey, the mean of these is taken.
 */
export class Blend {
  private readonly bands = new Map<number, Float32Array>();
  private readonly missing: number[];
  private next = 0;

  constructor(
    private readonly down: Tiling,
    private readonly across: Tiling,
    private readonly width: number,
    private readonly channels: 1 | 3,
    private readonly finish: Finish,
  ) {
    this.missing = down.starts.map(() => across.starts.length);
  }

  /** Adds a tile: channel, row, column. */
  add(row: number, column: number, tile: Float32Array): void {
    const band = this.band(row);
    const size = this.across.tile;
    const plane = this.down.tile * size;
    // How many of the network's channels become one of the picture's.
    const parts = Math.round(tile.length / plane) / this.channels;
    const weights = this.across.weights[column]!;
    for (let y = 0; y < this.down.tile; y++) {
      const weight = this.down.weights[row]![y]! / parts;
      let to = (y * this.width + this.across.starts[column]!) * this.channels;
      for (let x = 0; x < size; x++) {
        const share = weight * weights[x]!;
        for (let channel = 0; channel < this.channels; channel++, to++) {
          let from = channel * parts * plane + y * size + x;
          for (let part = 0; part < parts; part++, from += plane) band[to]! += share * tile[from]!;
        }
      }
    }
    this.missing[row]!--;
    while (this.missing[this.next] === 0) this.release(this.next++);
  }

  /** Hands on the rows above the next row of tiles. That row begins with what lies below. */
  private release(row: number): void {
    const band = this.band(row);
    const top = this.down.starts[row]!;
    const below = this.down.starts[row + 1] ?? top + this.down.tile;
    const finished = band.subarray(0, (below - top) * this.width * this.channels);
    if (row + 1 < this.down.starts.length) {
      const following = this.band(row + 1);
      band.subarray(finished.length).forEach((value, i) => (following[i]! += value));
    }
    this.bands.delete(row);
    this.finish(top, finished);
  }

  private band(row: number): Float32Array {
    let band = this.bands.get(row);
    if (band === undefined) {
      band = new Float32Array(this.down.tile * this.width * this.channels);
      this.bands.set(row, band);
    }
    return band;
  }
}
