/** What the page and the worker that runs networks say to each other. */

import type { Network } from "../laboratory";

export interface Tensor {
  data: Float32Array;
  shape: readonly number[];
}

export type Request =
  { id: number; kind: "load"; network: Network } | { id: number; kind: "run"; file: string; input: Tensor };

export type Answer = { id: number; outputs: Record<string, Tensor> } | { id: number; error: string };
