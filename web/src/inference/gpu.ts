/** Whether a network may run on the GPU. */

import type { Network } from "../laboratory";
import type { Tensor } from "./messages";
import type { Runner } from "./runner";

const CLOSE = 1 / 255;
const PATIENCE = 30_000; // ms for the first answer, since some drivers never give one

interface Adapter {
  info: { isFallbackAdapter: boolean };
}

/** Whether there is a GPU. One that the processor plays is slower than WebAssembly, and does not count. */
export async function hasGpu(): Promise<boolean> {
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<Adapter | null> } };
  try {
    const adapter = await gpu?.requestAdapter();
    return adapter != null && !adapter.info.isFallbackAdapter;
  } catch {
    return false;
  }
}

/** Whether a GPU computes what the processor does, to 1/255: not all drivers do. */
export async function agree(gpu: Runner, cpu: Runner, network: Network, input: Tensor): Promise<boolean> {
  const answers = Promise.all(
    [gpu, cpu].map(async (runner) => {
      await runner.load(network);
      return (await runner.run(network, input))[network.outputs[0]!]!.data;
    }),
  );
  answers.catch(() => {}); // it may come after the patience has ended
  const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), PATIENCE));
  const [found, right] = (await Promise.race([answers, late])) ?? [];
  return found !== undefined && found.every((value, i) => Math.abs(value - right![i]!) < CLOSE);
}
