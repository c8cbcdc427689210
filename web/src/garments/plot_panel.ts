/** The plot with its key, and the same numbers as a table. */

import { draw, make } from "./element";
import { drawPlot, type Line, type Plot } from "./plot";
import { swatch } from "./series";

export class PlotPanel {
  readonly element: HTMLElement;
  private readonly space = make("div", { className: "plot" });
  private readonly key = make("ul", { className: "key" });
  private readonly table = make("table");
  private readonly details: HTMLDetailsElement;
  private plot: Plot | null = null;

  constructor() {
    const region = { className: "scroll", tabIndex: 0, role: "region", ariaLabel: "Table" };
    const scroll = make("div", region, this.table);
    this.details = make("details", {}, make("summary", {}, "The same as a table"), scroll);
    this.element = make(
      "section",
      { className: "card" },
      make("h2", {}, "PSNR over the strength of the noise, for this picture"),
      this.space,
      this.key,
      this.details,
    );
    this.details.addEventListener("toggle", () => this.fill());
    new ResizeObserver(() => this.redraw()).observe(this.space);
  }

  show(plot: Plot): void {
    const before = this.plot?.lines.map(({ title }) => title).join();
    this.plot = plot;
    if (before !== plot.lines.map(({ title }) => title).join()) this.name(plot.lines);
    this.redraw();
    this.fill();
  }

  private redraw(): void {
    const width = this.space.clientWidth;
    if (this.plot !== null && width > 0) this.space.replaceChildren(drawPlot(this.plot, width));
  }

  private name(lines: readonly Line[]): void {
    this.key.replaceChildren(
      ...lines.map(({ title, series }) => make("li", {}, series === null ? dotted() : swatch(series), title)),
    );
  }

  /** Fills the table while it can be seen. */
  private fill(): void {
    if (this.plot === null || !this.details.open) return;
    const { lines, strengths, axis } = this.plot;
    const caption = make("caption", {}, `PSNR in dB by ${axis}`);
    const heads = ["Strength", ...lines.map(({ title }) => title)];
    const head = make("tr", {}, ...heads.map((title) => make("th", { scope: "col" }, title)));
    const rows = strengths.map((strength, index) => {
      const cells = lines.map(({ values }) => make("td", {}, values?.[index]?.toFixed(1) ?? "–"));
      return make("tr", {}, make("th", { scope: "row" }, strength.toFixed(2)), ...cells);
    });
    this.table.replaceChildren(caption, make("thead", {}, head), make("tbody", {}, ...rows));
  }
}

function dotted(): SVGElement {
  const line = draw("path", { d: "M0 8H32", class: "line", "stroke-dasharray": "1 3" });
  return draw("svg", { class: "swatch series noisy", viewBox: "0 0 32 16", "aria-hidden": "true" }, line);
}
