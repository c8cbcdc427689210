/** Numbers in tables. */

/** The function that is linear between points whose x rises, and constant outside: NumPy's interp. */
export function curve(x: ArrayLike<number>, y: ArrayLike<number>): (at: number) => number {
  return (at) => {
    let [low, high] = [0, x.length - 1];
    if (at <= x[low]!) return y[low]!;
    if (at >= x[high]!) return y[high]!;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (x[middle]! <= at) low = middle;
      else high = middle;
    }
    const share = (at - x[low]!) / (x[high]! - x[low]!);
    return y[low]! + share * (y[high]! - y[low]!);
  };
}

/** The value below which a share of the values lies, which may be between two of them. */
export function quantile(values: Float64Array, share: number): number {
  const sorted = values.slice().sort();
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (place - low) * (sorted[high]! - sorted[low]!);
}

/** Evenly spaced numbers from 0 to 1. */
export function evenly(count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => i / (count - 1));
}

/** The argument at which a function that rises reaches a value, between two arguments. */
export function crossing(rising: (x: number) => number, value: number, low: number, high: number): number {
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (rising(middle) < value) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
