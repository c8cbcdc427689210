/** Kind, strength and seed of the noise. */

import { KINDS, STAYS_INSIDE, type Kind } from "../noise/noise";
import { SEEDS } from "../noise/random";
import { make } from "./element";
import { MAX_STRENGTH, type State } from "./state";
import { describeStrength, NOISES } from "./words";

type Change = Partial<Pick<State, "noise" | "strength" | "clip" | "seed">>;

const NEW_SEEDS = 100_000; // short ones are easier to tell somebody

export class NoiseControls {
  readonly element: HTMLElement;
  /** The slider, which stays in sight on a narrow screen. */
  readonly strength: HTMLElement;
  private readonly kind = make("select");
  private readonly says = make("p", { className: "faint says" });
  private readonly clip = make("input", { type: "checkbox" });
  private readonly seed = make("input", { type: "number", min: "0", max: String(SEEDS - 1), step: "1" });
  private readonly slider = make("input", {
    type: "range",
    min: "0",
    max: String(MAX_STRENGTH),
    step: "0.01",
    className: "strength",
    ariaLabel: "Strength of the noise",
  });
  private readonly level = make("output");
  private readonly unit = make("span", { className: "faint unit" });

  constructor(change: (change: Change) => void) {
    this.kind.append(...KINDS.map((kind) => make("option", { value: kind }, NOISES[kind].title)));
    const fresh = make("button", { type: "button" }, "New");
    this.element = make(
      "section",
      { className: "card noise" },
      make("h2", {}, "Noise"),
      make("label", { className: "row" }, make("span", {}, "Kind"), this.kind),
      this.says,
      make("label", { className: "check" }, this.clip, " Clip to black and white"),
      make(
        "div",
        { className: "row" },
        make("label", { className: "row" }, make("span", {}, "Seed"), this.seed),
        fresh,
      ),
    );
    this.strength = make(
      "section",
      { className: "card slider" },
      make("div", { className: "ends" }, make("strong", {}, "Strength"), this.level),
      this.slider,
      this.unit,
    );
    this.kind.addEventListener("change", () => change({ noise: this.kind.value as Kind }));
    this.slider.addEventListener("input", () => change({ strength: Number(this.slider.value) }));
    this.clip.addEventListener("change", () => change({ clip: this.clip.checked }));
    this.seed.addEventListener("change", () => {
      const seed = Math.floor(Number(this.seed.value));
      change({ seed: Math.min(Math.max(seed || 0, 0), SEEDS - 1) });
    });
    fresh.addEventListener("click", () => change({ seed: Math.floor(NEW_SEEDS * Math.random()) }));
  }

  show({ noise, strength, clip, seed }: State): void {
    this.kind.value = noise;
    this.says.textContent = NOISES[noise].says;
    this.clip.checked = clip;
    this.clip.disabled = STAYS_INSIDE.has(noise); // it would change nothing
    this.seed.value = String(seed);
    this.slider.value = String(strength);
    const { number, unit } = describeStrength(noise, strength);
    this.slider.ariaValueText = `${number}, ${unit}`;
    this.level.textContent = number;
    this.unit.textContent = unit;
  }
}
