/** Noises as Python's settings name them, in the terms of this page. */

import type { NoiseSettings } from "../laboratory";
import type { Kind } from "./noise";

/** The levels that a model was trained with: from `low` to `high`, which are often the same. */
export interface Trained {
  kind: Kind;
  low: number;
  high: number;
  clip: boolean;
}

/** Reads the settings of a noise. Returns null for noises that the page does not have, such as mixtures. */
export function readSettings(settings: NoiseSettings): Trained | null {
  const number = (name: string): number => Number(settings[name]);
  const at = (kind: Kind, low: number, high = low): Trained => {
    return { kind, low, high, clip: settings["clip"] === true };
  };
  switch (settings.name) {
    case "Gaussian":
      return at("gaussian", number("std"));
    case "Blind": // each image has a standard deviation of its own
      return at("gaussian", number("min_std"), number("max_std"));
    case "Uniform":
      return at("uniform", number("half_width"));
    case "Speckle":
      return at("speckle", number("std"));
    case "Poisson":
      return at("poisson", settings["peak"] === null ? 0 : number("peak") ** -0.5);
    case "SaltAndPepper":
      return at("salt_and_pepper", number("probability"));
    case "Dropout":
      return at("dropout", number("probability"));
    default:
      return null;
  }
}
