/** PSNR over the strength of the noise, for one picture, computed beside the live pictures. */

import { Runner } from "../inference/runner";
import type { Model } from "../laboratory";
import { psnr, type Size } from "../metrics";
import { addNoise, type Kind } from "../noise/noise";
import { batch, pictureOutput } from "./looking";
import { Newest } from "./newest";
import type { Picture } from "./picture";
import { MAX_STRENGTH } from "./state";

const QUIET = 300; // ms without a change before the work starts
const STEPS = 20;

export const STRENGTHS = Array.from({ length: STEPS + 1 }, (_, step) => (MAX_STRENGTH * step) / STEPS);

/** What a curve depends on, apart from the model. */
export interface Conditions {
  clean: Picture;
  noise: Kind;
  clip: boolean;
  seed: number;
}

interface Request extends Conditions {
  models: readonly Model[];
}

export class PsnrCurves {
  /** PSNR in dB at each of `STRENGTHS`, by the model's id; "noisy" is the noisy picture. */
  readonly curves = new Map<string, number[]>();
  private known: Conditions | null = null; // what the curves are for
  private wanted: Conditions | null = null;
  private runner: Runner | null = null; // its own, so that live pictures never wait
  private readonly work = new Newest<Request>((request) => this.compute(request));
  private timer = 0;

  constructor(
    private readonly size: Size,
    private readonly changed: () => void,
  ) {}

  /** Whether the curves are those of an earlier picture or noise, until the new ones are known. */
  get stale(): boolean {
    return !same(this.known, this.wanted);
  }

  ask(request: Request): void {
    this.wanted = request;
    if (!this.stale && request.models.every(({ id }) => this.curves.has(id))) return;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.work.ask(request), QUIET);
  }

  private async compute(request: Request): Promise<void> {
    const { clean, noise, clip, seed, models } = request;
    const { rows, columns } = this.size;
    const noisy = STRENGTHS.map((level) => {
      return addNoise({ kind: noise, level, clip }, clean, rows * columns, seed);
    });
    if (!same(this.known, request)) this.curves.clear();
    this.known = request;
    this.curves.set("noisy", noisy.map((picture) => psnr(picture, clean)));
    this.changed();
    this.runner ??= new Runner();
    for (const model of models.filter(({ id }) => !this.curves.has(id))) {
      if (this.work.outdated) return;
      try {
        await this.runner.load(model);
        const { data } = (await this.runner.run(model, batch(noisy, this.size)))[pictureOutput(model)]!;
        const restored = noisy.map((_, i) => data.subarray(i * clean.length, (i + 1) * clean.length));
        this.curves.set(model.id, restored.map((picture) => psnr(picture, clean)));
      } catch {
        continue; // the model's card says what is wrong with it
      }
      this.changed();
    }
  }
}

function same(one: Conditions | null, other: Conditions | null): boolean {
  if (one === null || other === null) return one === other;
  const settings = one.noise === other.noise && one.clip === other.clip && one.seed === other.seed;
  return settings && one.clean.every((value, index) => value === other.clean[index]);
}
