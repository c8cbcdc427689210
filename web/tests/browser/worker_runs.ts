/** Networks that run in the worker that vite built, spoken to as the page does. */

import type { Page } from "playwright-core";
import type { Answer, Request } from "../../src/inference/messages";
import type { Network } from "../../src/laboratory";

interface Numbers {
  data: number[];
  shape: number[];
}

/** A network's input and the outputs that Python computed. */
export interface Case {
  file: string;
  input: Numbers;
  outputs: Record<string, Numbers>;
}

/** The largest difference of each case's outputs from Python's. */
export function largestDifferences(
  page: Page,
  worker: string,
  networks: readonly Network[],
  cases: readonly Case[],
): Promise<{ file: string; difference: number }[]> {
  return page.evaluate(
    async ({ worker, networks, cases }) => {
      const running = new Worker(worker, { type: "module" });
      const ask = (request: Request): Promise<Answer> => {
        return new Promise((resolve) => {
          running.onmessage = ({ data }: MessageEvent<Answer>) => resolve(data);
          running.postMessage(request);
        });
      };
      const differences: { file: string; difference: number }[] = [];
      for (const { file, input, outputs } of cases) {
        const network = { ...networks.find((other) => other.file === file)! };
        network.file = new URL(file, document.baseURI).href;
        await ask({ id: 0, kind: "load", network });
        const given = { data: Float32Array.from(input.data), shape: input.shape };
        const answer = await ask({ id: 1, kind: "run", file: network.file, input: given });
        if ("error" in answer) throw new Error(`${file}: ${answer.error}`);
        let difference = 0;
        for (const [name, { data, shape }] of Object.entries(outputs)) {
          const got = answer.outputs[name]!;
          if (`${got.shape}` !== `${shape}`) throw new Error(`${file}: ${name} has shape ${got.shape}`);
          data.forEach((value, i) => (difference = Math.max(difference, Math.abs(value - got.data[i]!))));
        }
        differences.push({ file, difference });
      }
      running.terminate();
      return differences;
    },
    { worker, networks: [...networks], cases: [...cases] },
  );
}
