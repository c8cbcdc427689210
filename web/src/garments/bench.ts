/** The pictures: clean, noisy, and what each chosen model makes of the noisy one, kept up to date. */

import { Runner } from "../inference/runner";
import type { Laboratory, Model } from "../laboratory";
import { make } from "./element";
import { decibels, Figure } from "./figure";
import { compare, look, type Outcome, type Question } from "./looking";
import { ModelCard } from "./model_card";
import { Newest } from "./newest";
import type { Album } from "./picture";
import { titleOf } from "./words";

const SILENCE = 1000; // ms without a change before a screen reader is told the numbers

export interface Shown extends Omit<Question, "models"> {
  /** Ids of the chosen models. */
  models: readonly string[];
}

export interface Events {
  choose(id: string, chosen: boolean): void;
  move(id: string, moves: number[]): void;
  /** The models' pictures have changed, or a model has been loaded. */
  restored(): void;
}

export class Bench {
  readonly element = make("section", { className: "bench", ariaLabel: "Pictures" });
  /** PSNR in dB of what is on screen, by the model's id; "noisy" is the noisy picture. */
  readonly psnr = new Map<string, number>();
  private readonly ready = new Set<string>();
  private readonly loading = new Set<string>();
  private readonly runner = new Runner();
  private readonly live = new Newest<Shown>((shown) => this.answer(shown));
  private readonly clean: Figure;
  private readonly noisy: Figure;
  private readonly figures = new Map<string, Figure>();
  private readonly cards = new Map<string, ModelCard>();
  private readonly titles: Map<string, string>;
  private readonly news = make("p", { className: "visually-hidden" });
  private timer = 0;
  private shown: Shown | null = null;
  private judges = "";

  constructor(
    private readonly laboratory: Laboratory,
    private readonly album: Album,
    private readonly events: Events,
  ) {
    const { models, images } = laboratory;
    const figure = (name: string): Figure => new Figure(name, album.size, images.classNames);
    this.titles = new Map(models.map((model) => [model.id, titleOf(model, models)]));
    this.clean = figure("Clean picture");
    this.noisy = figure("Noisy picture");
    this.clean.measures.textContent = "as it was before the noise";
    const both = [given(this.clean, "Clean"), given(this.noisy, "Noisy")];
    const pictures = make("ul", { className: "pictures" }, ...both);
    models.forEach((model, series) => {
      const restores = model.does !== "classifies";
      const title = this.titles.get(model.id)!;
      if (restores) this.figures.set(model.id, figure(`Restored: ${title}`));
      const own = this.figures.get(model.id) ?? null;
      const card = new ModelCard(model, title, restores ? series : null, own, {
        choose: (chosen) => events.choose(model.id, chosen),
        move: (moves) => events.move(model.id, moves),
      });
      this.cards.set(model.id, card);
      pictures.append(card.element);
    });
    this.news.setAttribute("role", "status");
    this.element.append(make("h2", {}, "Pictures and models"), pictures, this.news);
  }

  /** The chosen models that have been loaded. */
  get models(): Model[] {
    const chosen = this.shown?.models ?? [];
    return this.laboratory.models.filter(({ id }) => chosen.includes(id) && this.ready.has(id));
  }

  show(shown: Shown): void {
    this.shown = shown;
    this.clean.paint(shown.clean);
    this.noisy.paint(shown.noisy);
    const quality = compare(shown.noisy, shown.clean, this.album.size);
    this.noisy.measure(quality);
    this.psnr.set("noisy", quality.psnr);
    for (const [id, card] of this.cards) card.show(shown.models.includes(id), shown.latents[id] ?? []);
    for (const id of this.figures.keys()) if (!shown.models.includes(id)) this.psnr.delete(id);
    this.reserve();
    for (const model of this.laboratory.models) {
      if (shown.models.includes(model.id)) void this.load(model);
    }
    this.ask();
  }

  private ask(): void {
    if (this.shown === null) return;
    this.element.ariaBusy = "true";
    this.live.ask(this.shown);
  }

  private async load(model: Model): Promise<void> {
    const { id } = model;
    if (this.ready.has(id) || this.loading.has(id)) return;
    this.loading.add(id);
    this.cards.get(id)!.say("Loading …");
    try {
      await this.runner.load(model);
      this.ready.add(id);
      this.cards.get(id)!.say("");
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.cards.get(id)!.say(reason.replace(new URL(".", document.baseURI).href, ""), true);
      this.events.choose(id, false);
    }
    this.loading.delete(id);
    this.ask();
  }

  /** Never fails: a model that fails says so in its card. */
  private async answer(shown: Shown): Promise<void> {
    const models = this.models;
    const outcome = await look(this.runner, { ...shown, models }, this.album.size);
    for (const [id, { picture, quality }] of outcome.restored) {
      if (!this.shown!.models.includes(id)) continue; // given up in the meantime
      this.figures.get(id)!.paint(picture);
      this.figures.get(id)!.measure(quality);
      this.psnr.set(id, quality.psnr);
    }
    for (const { id } of models) {
      this.cards.get(id)!.say(outcome.failed.get(id) ?? "", outcome.failed.has(id));
    }
    this.judge(outcome);
    this.events.restored();
    if (this.live.outdated || this.loading.size > 0) return;
    this.element.ariaBusy = "false";
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.tell(), SILENCE);
  }

  /** Keeps space for what classifiers will see, as soon as they are chosen. */
  private reserve(): void {
    const key = this.shown!.models.join();
    if (key !== this.judges) this.judge(null);
    this.judges = key;
  }

  private judge(outcome: Outcome | null): void {
    const { models } = this.shown!;
    const judges = this.laboratory.models.filter(({ id, does }) => {
      return models.includes(id) && does !== "restores";
    });
    const looking = (where: string): Map<string, string> => {
      const given = !this.figures.has(where);
      const there = judges.filter(({ id, does }) => {
        return given || where === id || (does === "classifies" && models.includes(where));
      });
      return new Map(there.map(({ id }) => [id, this.titles.get(id)!]));
    };
    const pictures = new Map([["clean", this.clean], ["noisy", this.noisy], ...this.figures]);
    for (const [where, figure] of pictures) {
      figure.judge(looking(where), outcome?.seen.get(where) ?? []);
    }
  }

  private tell(): void {
    const parts = [...this.psnr].map(([id, psnr]) => `${this.titles.get(id) ?? "Noisy"} ${decibels(psnr)}`);
    this.news.textContent = `PSNR: ${parts.join(", ")}`;
  }
}

function given(figure: Figure, title: string): HTMLElement {
  const frame = make("div", { className: "frame" }, figure.canvas);
  const name = make("strong", {}, title);
  return make("li", { className: "card given" }, frame, name, figure.measures, figure.seen);
}
