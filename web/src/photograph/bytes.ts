/** Turns what the network restores into bytes. */

const PARTS = 1024; // of the way from 0 to 1, within which most values lie

export type ToByte = (value: number) => number;

/**
 * The byte of a value is how many limits it has reached.
 *
 * @param limits 255, which rise.
 */
export function toByteBy(limits: Float64Array): ToByte {
  // How many limits lie below each of some values, from which it is not far to go.
  const begin = Uint8Array.from(
    { length: PARTS + 1 },
    (_, part) => limits.filter((l) => l <= part / PARTS).length,
  );
  return (value) => {
    let byte = value < 0 ? 0 : begin[(Math.min(value, 1) * PARTS) | 0]!;
    while (byte < 255 && limits[byte]! <= value) byte++;
    return byte;
  };
}
