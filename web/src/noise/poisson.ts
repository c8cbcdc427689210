/** Exact draws from the Poisson distribution. */

const LARGE = 10; // from this rate on, transformed rejection is valid
const FACTORIALS = logFactorials(16);

/**
 * Draws a count.
 * @param rate Its mean, at least 0.
 * @param uniform Draws from [0, 1).
 */
export function poisson(rate: number, uniform: () => number): number {
  return rate < LARGE ? byInversion(rate, uniform()) : byRejection(rate, uniform);
}

/** The quantile of a uniform number, by adding up chances (Devroye 1986, chapter X.3). */
function byInversion(rate: number, uniform: number): number {
  let count = 0;
  let chance = Math.exp(-rate);
  for (let rest = uniform; rest >= chance && chance > 0; count++) {
    rest -= chance;
    chance *= rate / (count + 1);
  }
  return count;
}

/**
 * Transformed rejection with a squeeze: algorithm PTRS of Hörmann (1993), "The transformed rejection method
 * for generating Poisson random variables". NumPy draws large counts in this way.
 */
function byRejection(rate: number, uniform: () => number): number {
  const slope = 0.931 + 2.53 * Math.sqrt(rate); // the paper's b
  const peak = -0.059 + 0.02483 * slope; // a
  const inverseAlpha = 1.1239 + 1.1328 / (slope - 3.4);
  const squeeze = 0.9277 - 3.6224 / (slope - 2); // v_r
  for (;;) {
    const u = uniform() - 0.5;
    const v = 1 - uniform(); // in (0, 1], for the logarithm
    const us = 0.5 - Math.abs(u);
    if (us === 0) continue; // once in 2^32 draws, where the transformation has its pole
    const count = Math.floor(((2 * peak) / us + slope) * u + rate + 0.43);
    if (us >= 0.07 && v <= squeeze) return count;
    if (count < 0 || (us < 0.013 && v > us)) continue;
    const proposed = Math.log((v * inverseAlpha) / (peak / (us * us) + slope));
    if (proposed <= count * Math.log(rate) - rate - logFactorial(count)) return count;
  }
}

/** log(n!), by Stirling's series where it is exact to 1e-11. */
function logFactorial(n: number): number {
  const known = FACTORIALS[n];
  if (known !== undefined) return known;
  const series = (1 / 12 - (1 / 360 - 1 / (1260 * n * n)) / (n * n)) / n;
  return (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + series;
}

function logFactorials(count: number): number[] {
  const logs = [0];
  for (let n = 1; n < count; n++) logs.push(logs[n - 1]! + Math.log(n));
  return logs;
}
