/** The latents of a VAE that say the most, to be moved away from those of the picture. */

import type { Latent } from "../laboratory";
import { make } from "./element";
import { MAX_MOVE, MOVED_LATENTS } from "./state";

export class LatentSliders {
  readonly element: HTMLDetailsElement;
  private readonly sliders: HTMLInputElement[];
  private readonly outputs: HTMLOutputElement[];

  /** @param change Is given the moves of all sliders, in standard deviations over test images. */
  constructor(latent: Latent, change: (moves: number[]) => void) {
    const shown = latent.order.slice(0, MOVED_LATENTS);
    const range = { type: "range", min: `${-MAX_MOVE}`, max: `${MAX_MOVE}`, step: "0.1" };
    this.sliders = shown.map(() => make("input", range));
    this.outputs = shown.map(() => make("output"));
    const reset = make("button", { type: "button" }, "Reset");
    const rows = shown.map((index, rank) => {
      const name = make("span", {}, `Latent ${index}`);
      return make("label", { className: "latent" }, name, this.sliders[rank]!, this.outputs[rank]!);
    });
    this.element = make(
      "details",
      { className: "latents" },
      make("summary", {}, "Move its latents"),
      make("p", { className: "faint" }, "From the picture's code, in standard deviations over test images"),
      ...rows,
      reset,
    );
    this.element.addEventListener("input", () => change(this.sliders.map(({ value }) => Number(value))));
    reset.addEventListener("click", () => change([]));
  }

  show(moves: readonly number[]): void {
    this.sliders.forEach((slider, rank) => {
      const move = moves[rank] ?? 0;
      slider.value = String(move);
      this.outputs[rank]!.textContent = signed(move);
      if (move !== 0) this.element.open = true;
    });
  }
}

function signed(move: number): string {
  const sign = move < 0 ? "−" : move > 0 ? "+" : "";
  return sign + Math.abs(move).toFixed(1);
}
