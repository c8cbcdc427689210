/** Restores a picture in tiles, on the GPU or on several cores at once. */

import { agree, hasGpu } from "../inference/gpu";
import { Runner } from "../inference/runner";
import type { Network } from "../laboratory";
import { Blend } from "./blend";
import { toByteBy, type ToByte } from "./bytes";
import type { Coding } from "./coding";
import { findCoding } from "./coding_beside";
import type { Area, Picture } from "./picture";
import { smallest, tiling, type Cut, type Tiling } from "./tiles";

// The network sees 83 pixels far, but hardly: with this overlap and margin, no pixel of the five test
// photographs differed by 1/255 from the photograph restored whole, at any strength of noise.
const CUT: Cut = { tile: 512, overlap: 121, grid: 8, margin: 32 };
const MOST_RUNNERS = 4; // each has a core, and memory of its own
const TRIAL = 64; // pixels a side of what a GPU has to restore like the processor

export interface Watcher {
  /** Pixels of `restored` have changed. */
  changed(area: Area): void;
  /** So many tiles are done. `left` is an estimate, in seconds, once a tile of each core is done. */
  progress(done: number, total: number, left: number | null): void;
}

export class Restoration {
  /** The picture with what is restored so far, in the layout of its data. */
  readonly restored: Uint8Array<ArrayBuffer>;
  /** Whether the GPU has restored all of it. */
  byGpu = false;
  private readonly down: Tiling;
  private readonly across: Tiling;
  private readonly blend: Blend;
  private readonly ending = new AbortController();
  private coded: Promise<void> | null = null; // begun with the first runner
  private coding!: Coding; // before the first tile, as is toByte
  private toByte!: ToByte;
  private readonly runners: Runner[] = [];
  private readonly queue: [row: number, column: number][];
  private stopped = false;
  private began = 0;
  private done = 0;

  constructor(
    private readonly picture: Picture,
    private readonly network: Network,
    private readonly watcher: Watcher,
  ) {
    const { width, height, channels, data } = picture;
    this.down = tiling(height, { ...CUT, tile: smallest(height, CUT) });
    this.across = tiling(width, { ...CUT, tile: smallest(width, CUT) });
    this.blend = new Blend(this.down, this.across, width, channels, (top, rows) => this.finish(top, rows));
    this.restored = data.slice();
    this.queue = this.down.starts.flatMap((_, row) =>
      this.across.starts.map((_, column): [number, number] => [row, column]),
    );
  }

  /** Whether the noise grows with the light, and was made even first. */
  get evened(): boolean {
    return this.coding.growing !== null;
  }

  /** Restores the whole picture. True if it was, false if it was stopped before. */
  async run(): Promise<boolean> {
    const total = this.queue.length;
    this.watcher.progress(0, total, null);
    try {
      if (await hasGpu()) await this.tryGpu(total);
      const count = Math.min(navigator.hardwareConcurrency || 1, MOST_RUNNERS, this.queue.length);
      await Promise.all(Array.from({ length: count }, () => this.work(this.runner("cpu"), total)));
    } catch (error) {
      if (!this.stopped) throw error;
    } finally {
      this.end();
    }
    return this.done === total;
  }

  /** Ends the restoration at once. */
  stop(): void {
    this.stopped = true;
    this.end();
  }

  private end(): void {
    this.queue.length = 0;
    this.ending.abort();
    for (const runner of this.runners.splice(0)) runner.stop(); // which gives its memory back
  }

  private runner(on: "cpu" | "gpu"): Runner {
    if (this.stopped) throw new Error("stopped");
    const runner = new Runner(on);
    this.runners.push(runner);
    return runner;
  }

  /** Restores tiles on the GPU. If it fails or errs, the processor restores what is left. */
  private async tryGpu(total: number): Promise<void> {
    const [gpu, cpu] = [this.runner("gpu"), this.runner("cpu")];
    const data = Float32Array.from({ length: 3 * TRIAL ** 2 }, (_, i) => ((i * i) % 251) / 250);
    try {
      if (!(await agree(gpu, cpu, this.network, { data, shape: [1, 3, TRIAL, TRIAL] }))) return;
      cpu.stop();
      await this.work(gpu, total);
      this.byGpu = true;
    } catch (error) {
      if (this.stopped) throw error;
    } finally {
      gpu.stop();
      cpu.stop();
    }
  }

  /** A runner restores one tile after another. */
  private async work(runner: Runner, total: number): Promise<void> {
    await Promise.all([runner.load(this.network), (this.coded ??= this.code())]);
    this.began ||= performance.now();
    for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) {
      const [row, column] = next;
      const data = await this.restore(runner, row, column);
      if (this.stopped) return;
      this.show(row, column, data);
      this.blend.add(row, column, data);
      const spent = (performance.now() - this.began) / 1000;
      const known = ++this.done >= this.runners.length;
      this.watcher.progress(this.done, total, known ? (spent / this.done) * (total - this.done) : null);
    }
  }

  private async code(): Promise<void> {
    this.coding = await findCoding(this.picture, this.ending.signal);
    this.toByte = toByteBy(this.coding.limits);
  }

  private async restore(runner: Runner, row: number, column: number): Promise<Float32Array> {
    try {
      return (await runner.run(this.network, this.cut(row, column)))[this.network.outputs[0]!]!.data;
    } catch (error) {
      this.queue.unshift([row, column]); // another runner may take it
      throw error;
    }
  }

  /** A tile for the network, which has three channels: those of a grey picture are equal. */
  private cut(row: number, column: number): { data: Float32Array; shape: number[] } {
    const { width, channels, data } = this.picture;
    const { values } = this.coding;
    const [height, size] = [this.down.tile, this.across.tile];
    const tile = new Float32Array(3 * height * size);
    for (let channel = 0; channel < 3; channel++) {
      for (let y = 0; y < height; y++) {
        const first = (this.down.starts[row]! + y) * width + this.across.starts[column]!;
        let from = first * channels + Math.min(channel, channels - 1);
        const to = (channel * height + y) * size;
        for (let x = 0; x < size; x++, from += channels) tile[to + x] = values[data[from]!]!;
      }
    }
    return { data: tile, shape: [1, 3, height, size] };
  }

  /** Shows a tile before its neighbours are done. They are blended later. */
  private show(row: number, column: number, tile: Float32Array): void {
    const { width, channels } = this.picture;
    const [height, size] = [this.down.tile, this.across.tile];
    const [top, left] = [this.down.starts[row]!, this.across.starts[column]!];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < size; x++) {
        const to = ((top + y) * width + left + x) * channels;
        for (let channel = 0; channel < channels; channel++) {
          this.restored[to + channel] = this.toByte(tile[(channel * height + y) * size + x]!);
        }
      }
    }
    this.watcher.changed({ left, top, width: size, height });
  }

  private finish(top: number, values: Float32Array): void {
    const { width, channels } = this.picture;
    const first = top * width * channels;
    for (let i = 0; i < values.length; i++) this.restored[first + i] = this.toByte(values[i]!);
    this.watcher.changed({ left: 0, top, width, height: values.length / (width * channels) });
  }
}
