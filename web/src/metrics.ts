/** How close a restored image is to the clean one: the definitions of denoisers/metrics.py. */

export interface Size {
  channels: number;
  rows: number;
  columns: number;
}

const MAX_PSNR = 100; // dB, the value of a perfect image
const WINDOW = 11; // pixels
const WEIGHTS = gaussian(WINDOW, 1.5);
const C1 = 0.01 ** 2; // the paper's constants, for values in [0, 1]
const C2 = 0.03 ** 2;

/** The peak signal-to-noise ratio in dB, at most 100. */
export function psnr(restored: Float32Array, clean: Float32Array): number {
  let squares = 0;
  for (let i = 0; i < clean.length; i++) squares += (restored[i]! - clean[i]!) ** 2;
  return Math.min(-10 * Math.log10(squares / clean.length), MAX_PSNR);
}

/**
 * The structural similarity, at most 1 (Wang, Bovik, Sheikh and Simoncelli 2004): an 11 x 11 Gaussian window
 * of standard deviation 1.5, averaged over the windows that lie wholly inside the image. NaN if none does.
 */
export function ssim(restored: Float32Array, clean: Float32Array, size: Size): number {
  const smooth = (value: (position: number) => number): Float64Array => blur(value, size);
  const x = smooth((i) => restored[i]!);
  const y = smooth((i) => clean[i]!);
  const xx = smooth((i) => restored[i]! ** 2);
  const yy = smooth((i) => clean[i]! ** 2);
  const xy = smooth((i) => restored[i]! * clean[i]!);
  let sum = 0;
  for (let i = 0; i < x.length; i++) {
    const [meanX, meanY] = [x[i]!, y[i]!];
    const varianceX = Math.max(xx[i]! - meanX ** 2, 0);
    const varianceY = Math.max(yy[i]! - meanY ** 2, 0);
    const covariance = xy[i]! - meanX * meanY;
    const luminance = (2 * meanX * meanY + C1) / (meanX ** 2 + meanY ** 2 + C1);
    sum += (luminance * (2 * covariance + C2)) / (varianceX + varianceY + C2);
  }
  return sum / x.length;
}

/** Weighted means over the windows inside each channel, by columns and then by rows. */
function blur(value: (position: number) => number, { channels, rows, columns }: Size): Float64Array {
  const [high, wide] = [Math.max(rows - WINDOW + 1, 0), Math.max(columns - WINDOW + 1, 0)];
  const across = new Float64Array(channels * rows * wide);
  for (let row = 0; row < channels * rows; row++) {
    for (let column = 0; column < wide; column++) {
      let sum = 0;
      for (let k = 0; k < WINDOW; k++) sum += WEIGHTS[k]! * value(row * columns + column + k);
      across[row * wide + column] = sum;
    }
  }
  const result = new Float64Array(channels * high * wide);
  for (let i = 0; i < result.length; i++) {
    const channel = Math.floor(i / (high * wide));
    const start = channel * rows * wide + (i % (high * wide));
    let sum = 0;
    for (let k = 0; k < WINDOW; k++) sum += WEIGHTS[k]! * across[start + k * wide]!;
    result[i] = sum;
  }
  return result;
}

function gaussian(count: number, std: number): number[] {
  const middle = (count - 1) / 2;
  const weights = Array.from({ length: count }, (_, i) => Math.exp(-((i - middle) ** 2) / (2 * std ** 2)));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}
