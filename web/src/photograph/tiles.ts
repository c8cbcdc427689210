/** Large pictures are cut into tiles that overlap and are blended, as in restoration/tiles.py. */

/** How one side of a picture is cut into n tiles of T pixels. */
export interface Tiling {
  /** The first pixel of each tile. */
  starts: number[];
  tile: number;
  /** The weight of each tile's pixels, n times T. For each pixel of the picture, all weights sum to one. */
  weights: Float32Array[];
}

export interface Cut {
  /** Pixels of a tile's side, at most. */
  tile: number;
  /** Pixels that neighbours share, at least. */
  overlap: number;
  /** Tiles begin at multiples of it, for networks that halve the size inside. */
  grid: number;
  /** Pixels at a tile's edges that do not count, except at the edges of the picture. */
  margin: number;
}

/** Cuts one side into tiles that are evenly spaced, or into one tile if that is enough. */
export function tiling(size: number, cut: Cut): Tiling {
  if (size <= cut.tile) return { starts: [0], tile: size, weights: [new Float32Array(size).fill(1)] };
  const { grid, margin } = cut;
  const tile = cut.tile - modulo(cut.tile - size, grid); // so that the last one ends with the picture
  const overlap = cut.overlap + grid - 1; // the rounding below may take as much away
  const count = Math.ceil((size - tile) / (tile - overlap)) + 1;
  const step = (size - tile) / (count - 1);
  const starts = Array.from({ length: count }, (_, i) => Math.floor((i * step) / grid + 1e-9) * grid);
  const rise = Math.max(Math.min(overlap - 2 * margin, tile / 2), 1);
  const weights = starts.map((start) => weightsOf(start, tile, size, margin, rise));
  return { starts, tile, weights: normalised(starts, weights, size) };
}

/** The smallest tile with which one side has no more tiles. Larger ones would only overlap more. */
export function smallest(size: number, cut: Cut): number {
  if (size <= cut.tile) return size;
  const count = tiling(size, cut).starts.length;
  const least = Math.ceil((size + (count - 1) * (cut.overlap + cut.grid - 1)) / count);
  return size - Math.floor((size - least) / cut.grid) * cut.grid;
}

/** A weight rises from the tile's edges as a squared sine, but not from those of the picture. */
function weightsOf(start: number, tile: number, size: number, margin: number, rise: number): Float32Array {
  return Float32Array.from({ length: tile }, (_, i) => {
    const before = start === 0 ? Infinity : i + 0.5;
    const after = start === size - tile ? Infinity : tile - i - 0.5;
    const share = (Math.min(before, after) - margin) / rise;
    return Math.sin((Math.PI / 2) * Math.min(Math.max(share, 0), 1)) ** 2;
  });
}

function normalised(starts: number[], weights: Float32Array[], size: number): Float32Array[] {
  const total = new Float64Array(size);
  weights.forEach((weight, n) => weight.forEach((w, i) => (total[starts[n]! + i]! += w)));
  return weights.map((weight, n) => weight.map((w, i) => w / total[starts[n]! + i]!));
}

function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}
