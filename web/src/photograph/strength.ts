/** How much of the noise is taken away, and what that was, for bytes of the same layout. */

/** Differences are shown so many times as strong. */
export const GAIN = 2;
const GREY = 128;

/**
 * denoise.py's strength: 0 is the original, 1 what the network restores, and 2 takes twice as much away.
 *
 * @param to Written. A clamped array rounds, and keeps within black and white.
 */
export function blend(
  before: Uint8Array,
  restored: Uint8Array,
  strength: number,
  to: Uint8ClampedArray,
): void {
  for (let i = 0; i < to.length; i++) {
    const value = restored[i]!;
    to[i] = value + (strength - 1) * (value - before[i]!);
  }
}

/** What is taken away, `GAIN` times as strong. Mid-grey is nothing. */
export function takenAway(
  before: Uint8Array,
  restored: Uint8Array,
  strength: number,
  to: Uint8ClampedArray,
): void {
  blend(before, restored, strength, to);
  for (let i = 0; i < to.length; i++) to[i] = GREY + GAIN * (before[i]! - to[i]!);
}
