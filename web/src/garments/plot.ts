/** A plot of PSNR over the strength of the noise, as SVG. */

import { draw } from "./element";
import { colour, dashes, dot } from "./series";

export interface Line {
  title: string;
  /** How it looks, or null for the noisy picture. */
  series: number | null;
  /** PSNR in dB at each strength, if it is known. */
  values: readonly number[] | undefined;
  /** PSNR in dB of what is on screen. */
  now: number | undefined;
  /** Strengths that the model was trained with, if it knows this kind of noise. */
  trained: { low: number; high: number } | null;
}

export interface Plot {
  lines: readonly Line[];
  strengths: readonly number[];
  strength: number;
  /** What the strength is. */
  axis: string;
  /** Whether the lines are outdated. */
  stale: boolean;
}

const HEIGHT = 300;
const MARGIN = { left: 46, right: 14, top: 26, bottom: 46 };
const STEP = 5; // dB between the lines of the grid
const HIGHEST = 50; // dB that the plot shows
const EMPTY = [5, 30] as const; // dB, before anything is known

/** Draws the plot, as wide as it is told. */
export function drawPlot(plot: Plot, width: number): SVGElement {
  const { strengths, strength, lines } = plot;
  const last = strengths.at(-1)!;
  const [low, high] = limits(lines);
  const right = width - MARGIN.right;
  const bottom = HEIGHT - MARGIN.bottom;
  const x = (value: number): number => MARGIN.left + (value / last) * (right - MARGIN.left);
  const y = (value: number): number => bottom - ((value - low) / (high - low)) * (bottom - MARGIN.top);
  const text = (at: [number, number], anchor: string, content: string): SVGElement => {
    return draw("text", { x: at[0], y: at[1], "text-anchor": anchor }, content);
  };

  const grid = draw("g", { class: "axes" });
  for (let value = low; value <= high; value += STEP) {
    grid.append(draw("path", { d: `M${MARGIN.left} ${y(value)}H${right}` }));
    grid.append(text([MARGIN.left - 8, y(value) + 4], "end", String(value)));
  }
  for (let tick = 0; tick <= 5; tick++) {
    const value = (last * tick) / 5;
    grid.append(text([x(value), bottom + 18], "middle", value.toFixed(1)));
  }
  grid.append(text([MARGIN.left - 8, 14], "end", "dB"));
  grid.append(text([(MARGIN.left + right) / 2, HEIGHT - 8], "middle", plot.axis));

  const levels = new Map(lines.filter(({ trained }) => trained).map(({ trained }) => {
    return [`${trained!.low} ${trained!.high}`, trained!];
  }));
  const marks = draw("g", { class: "trained" });
  for (const { low: from, high: to } of levels.values()) {
    const middle = (x(from) + x(Math.min(to, last))) / 2;
    const words = from === to ? `trained at ${from.toFixed(2)}` : `trained from ${from} to ${to}`;
    const [start, end] = [x(from), x(Math.min(to, last))];
    const [across, height] = [end - start, bottom - MARGIN.top];
    if (from === to) marks.append(draw("path", { d: `M${start} ${MARGIN.top}V${bottom}` }));
    else marks.append(draw("rect", { x: start, y: MARGIN.top, width: across, height }));
    const anchor = middle < 120 ? "start" : middle > width - 80 ? "end" : "middle";
    marks.append(text([middle, 14], anchor, words));
  }

  const inside = draw("svg", {
    x: MARGIN.left,
    y: MARGIN.top,
    width: right - MARGIN.left,
    height: bottom - MARGIN.top,
    viewBox: `${MARGIN.left} ${MARGIN.top} ${right - MARGIN.left} ${bottom - MARGIN.top}`,
    class: plot.stale ? "stale" : "",
  });
  const dots = draw("g", {});
  for (const { series, values, now } of lines) {
    const look = series === null ? "series noisy" : colour(series);
    const points = (values ?? []).map((value, index) => `${x(strengths[index]!)},${y(value)}`).join(" ");
    const pattern = series === null ? "1 3" : dashes(series);
    inside.append(draw("polyline", { points, class: `${look} line`, "stroke-dasharray": pattern }));
    if (now === undefined || now > high) continue;
    dots.append(draw("g", { class: look }, dot(series ?? 0, x(strength), y(now))));
  }
  const here = draw("path", { class: "here", d: `M${x(strength)} ${MARGIN.top}V${bottom}` });
  return draw(
    "svg",
    { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": describe(plot) },
    ...[marks, grid, here, inside, dots],
  );
}

/** The lowest and the highest PSNR on the axis: whole steps, about the models' lines. */
function limits(lines: readonly Line[]): [number, number] {
  const all = (some: readonly Line[]): number[] => {
    return some.flatMap(({ values, now }) => [...(values ?? []), now ?? NaN]);
  };
  const finite = all(lines).filter(Number.isFinite);
  const models = all(lines.filter(({ series }) => series !== null)).filter(Number.isFinite);
  const top = Math.min(Math.max(EMPTY[1], ...models.map((value) => value + 1)), HIGHEST);
  const bottom = Math.min(EMPTY[0], ...finite);
  return [STEP * Math.floor(bottom / STEP), STEP * Math.ceil(top / STEP)];
}

function describe({ lines, strength, axis }: Plot): string {
  const known = lines.filter(({ now }) => now !== undefined);
  const values = known.map(({ title, now }) => `${title} ${now!.toFixed(1)} dB`).join(", ");
  return `PSNR in dB over the ${axis} of the noise. At ${strength.toFixed(2)}: ${values}.`;
}
