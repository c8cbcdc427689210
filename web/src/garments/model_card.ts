/** A model to choose, and what it makes of the noisy picture. */

import type { Model } from "../laboratory";
import { make } from "./element";
import { Figure } from "./figure";
import { LatentSliders } from "./latent_sliders";
import { swatch } from "./series";
import { sentenceOf } from "./words";

export class ModelCard {
  readonly element: HTMLElement;
  private readonly box = make("input", { type: "checkbox" });
  private readonly status = make("p", { className: "status" });
  private readonly latents: LatentSliders | null;

  /**
   * @param series The number of its line in the plot, or null if it restores nothing.
   * @param figure Where its picture is shown, or null if it restores nothing.
   */
  constructor(
    model: Model,
    title: string,
    series: number | null,
    private readonly figure: Figure | null,
    events: { choose(chosen: boolean): void; move(moves: number[]): void },
  ) {
    this.box.addEventListener("change", () => events.choose(this.box.checked));
    this.latents = model.latent === undefined ? null : new LatentSliders(model.latent, events.move);
    const name = make("label", { className: "name" }, this.box);
    if (series !== null) name.append(swatch(series));
    name.append(make("strong", {}, title));
    const about = make("div", { className: "about" }, name);
    if (figure !== null) about.append(figure.measures);
    about.append(make("p", { className: "says" }, sentenceOf(model)));
    const known = facts(model).map((fact) => make("span", {}, fact));
    about.append(make("p", { className: "faint facts" }, ...known));
    if (figure !== null) about.append(figure.seen);
    this.element = make("li", { className: "card model" });
    if (figure === null) about.append(this.status);
    else this.element.append(make("div", { className: "frame" }, figure.canvas, this.status));
    this.element.append(about);
    if (this.latents !== null) this.element.append(this.latents.element);
  }

  show(chosen: boolean, moves: readonly number[]): void {
    this.box.checked = chosen;
    this.element.classList.toggle("chosen", chosen);
    this.latents?.show(moves);
    if (this.latents !== null) this.latents.element.hidden = !chosen;
    if (chosen) return;
    this.figure?.clear();
    if (!this.status.classList.contains("alarm")) this.say("Not chosen");
  }

  /** Says in one line what the model is doing, or what is wrong. */
  say(status: string, alarm = false): void {
    this.status.textContent = status;
    this.status.className = alarm ? "status alarm" : "status faint";
    if (alarm) this.status.setAttribute("role", "alert");
    else this.status.removeAttribute("role");
  }
}

function facts({ bytes, parameters, psnr }: Model): string[] {
  const millions = `${(parameters / 1e6).toFixed(1)} million`;
  const count = parameters >= 1e6 ? millions : `${Math.round(parameters / 1e3)} thousand`;
  const measured = psnr === null ? [] : [`${psnr.toFixed(1)} dB on test images`];
  return [`${(bytes / 1e6).toFixed(1)} MB`, `${count} parameters`, ...measured];
}
