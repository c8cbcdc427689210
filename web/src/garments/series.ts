/** How the models' lines in the plot differ: by colour, dashes and the form of their dots. */

import { draw } from "./element";

const DASHES = ["", "7 3", "2 3", "9 3 2 3", "4 2", "12 4"];
const RADIUS = 5;

export function dashes(series: number): string {
  return DASHES[series % DASHES.length]!;
}

/** The class that gives it its colour, which depends on dark and light. */
export function colour(series: number): string {
  return `series series-${series % DASHES.length}`;
}

/** A dot at (x, y). */
export function dot(series: number, x: number, y: number): SVGElement {
  const r = RADIUS;
  const forms = [
    `M${-r} 0A${r} ${r} 0 1 1 ${r} 0A${r} ${r} 0 1 1 ${-r} 0Z`, // circle
    `M${-r} ${-r}H${r}V${r}H${-r}Z`, // square
    `M0 ${-r - 1}L${r + 1} ${r}H${-r - 1}Z`, // triangle
    `M0 ${-r - 2}L${r + 2} 0L0 ${r + 2}L${-r - 2} 0Z`, // diamond
    `M0 ${r + 1}L${r + 1} ${-r}H${-r - 1}Z`, // triangle, its tip down
    `M${-r} ${-r / 2}H${r}V${r / 2}H${-r}Z`, // bar
  ];
  return draw("path", { d: forms[series % forms.length]!, transform: `translate(${x} ${y})`, class: "dot" });
}

/** A piece of the line with its dot, for keys. */
export function swatch(series: number): SVGElement {
  const line = draw("path", { d: "M0 8H32", class: "line", "stroke-dasharray": dashes(series) });
  return draw(
    "svg",
    { class: `swatch ${colour(series)}`, viewBox: "0 0 32 16", "aria-hidden": "true" },
    line,
    dot(series, 16, 8),
  );
}
