/**
 * Random numbers from an integer seed: the same seed gives the same numbers in every browser.
 *
 * xoshiro128** by Blackman and Vigna (2018), "Scrambled linear pseudorandom number generators",
 * https://prng.di.unimi.it/xoshiro128starstar.c, which passes all known statistical tests. As its authors
 * advise, its state comes from a SplitMix generator: here one of 32 bits, whose output function is that of
 * MurmurHash3 (Appleby 2011).
 */

import { poisson } from "./poisson";

/** Seeds lie below this number. */
export const SEEDS = 2 ** 32;

export class Random {
  private readonly state: Uint32Array;

  /** @param seed An integer in [0, 2^32). */
  constructor(seed: number) {
    this.state = splitmix(seed, 4);
  }

  /** A generator whose state is given: four numbers of 32 bits that are not all zero. */
  static at(state: readonly [number, number, number, number]): Random {
    const random = new Random(0);
    random.state.set(state);
    return random;
  }

  /** 32 random bits, as an integer in [0, 2^32). */
  bits(): number {
    const s = this.state as unknown as [number, number, number, number];
    const result = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0;
    const shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 11);
    return result;
  }

  /** Uniform on [0, 1). */
  uniform(): number {
    return this.bits() / SEEDS;
  }

  /**
   * Normal, of mean 0 and standard deviation 1 (Box and Muller 1958). It always takes two uniform numbers,
   * so that a pixel keeps its draw whatever its neighbours do. No value is beyond 6.7.
   */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /**
   * A count of mean `rate`. It comes from a generator of its own, so that the number of draws that it
   * takes, which depends on the rate, changes no other pixel.
   */
  poisson(rate: number): number {
    const own = new Random(this.bits());
    return poisson(rate, () => own.uniform());
  }
}

function splitmix(seed: number, count: number): Uint32Array {
  let counter = seed;
  return Uint32Array.from({ length: count }, () => {
    counter = (counter + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(counter ^ (counter >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return mixed ^ (mixed >>> 16);
  });
}

function rotate(value: number, left: number): number {
  return (value << left) | (value >>> (32 - left));
}
