/** The worker that chooses a picture's coding, seen from the page. */

import type { Coding } from "./coding";
import type { Found } from "./coding_worker";
import { levelsOf } from "./levels";
import { patchesOf } from "./patches";
import type { Picture } from "./picture";

/**
 * Chooses the coding by the picture's noise, in a worker.
 *
 * @param signal Ends the worker at once. The promise is rejected then.
 */
export async function findCoding(picture: Picture, signal: AbortSignal): Promise<Coding> {
  const found: Found = { patches: patchesOf(picture), levels: await levelsOf(picture.data) };
  signal.throwIfAborted();
  const worker = new Worker(new URL("./coding_worker.ts", import.meta.url), { type: "module" });
  try {
    return await new Promise<Coding>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      worker.onmessage = ({ data }: MessageEvent<Coding>) => resolve(data);
      worker.onerror = (event) => reject(new Error(event.message || "the worker stopped"));
      worker.postMessage(found);
    });
  } finally {
    worker.terminate();
  }
}
