/** The room where garments get noise and lose it again. */

import "./garments.css";
import "./choosing.css";
import "./pictures.css";
import "./plot.css";
import type { Laboratory } from "../laboratory";
import type { Room } from "../main";
import { say } from "../message";
import { addNoise } from "../noise/noise";
import { readSettings } from "../noise/trained";
import { Address } from "./address";
import { Bench } from "./bench";
import { PictureChooser } from "./choosing";
import { toPicture } from "./drawing";
import { make } from "./element";
import { NoiseControls } from "./noise_controls";
import { openAlbum, type Album, type Picture } from "./picture";
import type { Line } from "./plot";
import { PlotPanel } from "./plot_panel";
import { PsnrCurves, STRENGTHS } from "./psnr_curves";
import { readState, type State } from "./state";
import { INTRODUCTION, NOISES, titleOf, WORDS } from "./words";

export const open: Room = (section, laboratory, address) => {
  const head = make("div", { className: "introduction" }, make("p", {}, INTRODUCTION));
  section.append(head);
  openAlbum(laboratory.images)
    .then((album) => new Garments(section, head, laboratory, album, address))
    .catch((error: unknown) => say(error instanceof Error ? error.message : String(error)));
};

class Garments {
  private state: State;
  private readonly ignored = make("p", { className: "alarm" });
  private readonly chooser: PictureChooser;
  private readonly noise: NoiseControls;
  private readonly bench: Bench;
  private readonly plot = new PlotPanel();
  private readonly curves: PsnrCurves;
  private readonly address = new Address((address) => this.read(address));

  constructor(
    section: HTMLElement,
    head: HTMLElement,
    private readonly laboratory: Laboratory,
    private readonly album: Album,
    address: string,
  ) {
    const { images } = laboratory;
    const change = (part: Partial<State>): void => this.change(part);
    this.chooser = new PictureChooser(album, images.name, change);
    this.noise = new NoiseControls(change);
    this.curves = new PsnrCurves(album.size, () => this.drawPlot());
    this.bench = new Bench(laboratory, album, {
      choose: (id, chosen) => {
        const models = this.state.models.filter((other) => other !== id);
        change({ models: chosen ? [...models, id] : models });
      },
      move: (id, moves) => change({ latents: { ...this.state.latents, [id]: moves } }),
      restored: () => this.restored(),
    });
    this.state = this.understand(address);
    const controls = [this.chooser.element, this.noise.element, this.noise.strength];
    head.append(this.address.element);
    section.append(
      this.ignored,
      make("div", { className: "controls" }, ...controls),
      make("div", { className: "results" }, this.bench.element, this.plot.element, words(images)),
    );
    this.start();
  }

  private start(): void {
    this.show();
    this.chooser.reveal(this.state);
  }

  private change(part: Partial<State>): void {
    this.state = { ...this.state, ...part };
    this.show();
  }

  private read(address: string): void {
    this.state = this.understand(address);
    this.start();
  }

  private understand(address: string): State {
    const { state, ignored } = readState(address, this.laboratory, this.album.size);
    this.ignored.hidden = ignored.length === 0;
    this.ignored.textContent = `Not understood in the address, and ignored: ${ignored.join(", ")}`;
    return state;
  }

  private get clean(): Picture {
    const { drawing, image } = this.state;
    return drawing === null ? this.album.picture(image) : toPicture(drawing, this.album.size);
  }

  private show(): void {
    const { noise, strength, clip, seed, models, latents } = this.state;
    const { rows, columns } = this.album.size;
    const clean = this.clean;
    const noisy = addNoise({ kind: noise, level: strength, clip }, clean, rows * columns, seed);
    this.chooser.show(this.state);
    this.noise.show(this.state);
    this.bench.show({ clean, noisy, models, latents });
    this.address.show(this.state);
    this.restored();
  }

  private restored(): void {
    const { noise, clip, seed } = this.state;
    const models = this.bench.models.filter(({ does }) => does !== "classifies");
    this.curves.ask({ clean: this.clean, noise, clip, seed, models });
    this.drawPlot();
  }

  private drawPlot(): void {
    const { noise, strength } = this.state;
    const line = (id: string): Omit<Line, "title" | "series" | "trained"> => {
      return { values: this.curves.curves.get(id), now: this.bench.psnr.get(id) };
    };
    const lines: Line[] = [{ title: "Noisy picture", series: null, trained: null, ...line("noisy") }];
    this.laboratory.models.forEach((model, series) => {
      if (model.does === "classifies" || !this.state.models.includes(model.id)) return;
      const settings = readSettings(model.noise);
      const trained = settings?.kind === noise ? settings : null;
      lines.push({ title: titleOf(model, this.laboratory.models), series, trained, ...line(model.id) });
    });
    const { stale } = this.curves;
    this.plot.show({ lines, strengths: STRENGTHS, strength, axis: NOISES[noise].strength, stale });
  }
}

function words({ name, licence }: Laboratory["images"]): HTMLElement {
  const list = make("dl");
  for (const [word, meaning] of WORDS) {
    list.append(make("div", {}, make("dt", {}, word), make("dd", {}, meaning)));
  }
  const source = make("p", { className: "faint" }, `The test images are from ${name} (${licence}).`);
  return make("section", { className: "card words" }, make("h2", {}, "In a sentence each"), list, source);
}
