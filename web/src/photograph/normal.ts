/** The normal distribution, and normal values that are cut to [0, 1] (Foi 2009). */

/** The density of the standard normal distribution. */
export function density(z: number): number {
  return Math.exp(-(z * z) / 2) / Math.sqrt(2 * Math.PI);
}

/** The share of the standard normal distribution below z, to a relative error of 1.2e-7. */
export function below(z: number): number {
  return z < 0 ? tail(-z) : 1 - tail(z);
}

/** The share above z >= 0: Numerical Recipes' approximation of the complementary error function. */
function tail(z: number): number {
  const x = z / Math.SQRT2;
  const t = 1 / (1 + x / 2);
  const series = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587,
    -0.82215223, 0.17087277,
  ];
  return (t / 2) * Math.exp(series.reduceRight((sum, c) => sum * t + c, 0) - x * x);
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
