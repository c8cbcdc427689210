/** Estimates the noise beside the page, which takes a second. */

import { codingFor } from "./coding";
import type { Levels } from "./levels";
import type { Patches } from "./patches";

export interface Found {
  patches: Patches;
  levels: Levels;
}

self.onmessage = ({ data }: MessageEvent<Found>) => self.postMessage(codingFor(data.patches, data.levels));
