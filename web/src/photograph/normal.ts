/** The normal distribution, and normal values that are cut to [0, 1] (Foi 2009). */

/** The density of the standard normal distribution. */
export function density(z: number): number {
  return Math.exp(-(z * z) / 2) / Math.sqrt(2 * Math.PI);
}

/** The share of the standard normal distribution below z, to 1e-15. */
export function below(z: number): number {
  return z < 0 ? tail(-z) : 1 - tail(z);
}

// Hart (1968), algorithm 5666, as West (2005) writes it.
const ABOVE = [
  0.0352624965998911, 0.700383064443688, 6.37396220353165, 33.912866078383, 112.079291497871,
  221.213596169931, 220.206867912376,
];
const UNDER = [
  0.0883883476483184, 1.75566716318264, 16.064177579207, 86.7807322029461, 296.564248779674,
  637.333633378831, 793.826512519948, 440.413735824752,
];
const FAR = 7.07106781186547;

/** The share above z >= 0. */
function tail(z: number): number {
  if (z >= FAR) return density(z) / (z + 1 / (z + 2 / (z + 3 / (z + 4 / (z + 0.65)))));
  return (Math.exp(-(z * z) / 2) * polynomial(ABOVE, z)) / polynomial(UNDER, z);
}

function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduce((sum, c) => sum * x + c, 0);
}

/**
 * Mean and variance of pixels with Gaussian noise that is clipped to [0, 1].
 *
 * @param clean The clean pixel, in [0, 1].
 * @param std The standard deviation before clipping, above 0.
 */
export function clippedMoments(clean: number, std: number): { mean: number; variance: number } {
  const [low, high] = [-clean / std, (1 - clean) / std];
  const [atLow, atHigh] = [density(low), density(high)];
  const above = below(-high);
  const inside = below(high) - below(low);
  const mean = clean * inside + std * (atLow - atHigh) + above;
  const square =
    (clean ** 2 + std ** 2) * inside +
    2 * clean * std * (atLow - atHigh) +
    std ** 2 * (low * atLow - high * atHigh) +
    above;
  return { mean, variance: Math.max(square - mean ** 2, 1e-30) };
}
