/** A worker that runs networks, seen from the page. */

import { Mistake, type Network } from "../laboratory";
import type { Answer, Request, Tensor } from "./messages";

type Unnumbered = Request extends infer R ? (R extends Request ? Omit<R, "id"> : never) : never;

interface Waiting {
  resolve(outputs: Record<string, Tensor>): void;
  reject(error: Error): void;
}

export class Runner {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private asked = 0;
  private ended: string | null = null;

  constructor(on: "cpu" | "gpu" = "cpu") {
    // Vite finds workers whose addresses are written in full.
    this.worker =
      on === "gpu"
        ? new Worker(new URL("./gpu_worker.ts", import.meta.url), { type: "module" })
        : new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      const waiting = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if ("error" in data) waiting?.reject(new Mistake(data.error));
      else waiting?.resolve(data.outputs);
    };
    this.worker.onerror = (event) => this.end(event.message || "the worker stopped");
  }

  /** Loads a network. It is loaded once, however often this is asked for. */
  async load(network: Network): Promise<void> {
    await this.ask({ kind: "load", network: { ...network, file: address(network) } });
  }

  /** Runs a network that was loaded: its outputs by name. */
  run(network: Network, input: Tensor): Promise<Record<string, Tensor>> {
    return this.ask({ kind: "run", file: address(network), input });
  }

  /** Ends the worker at once, with whatever it computes. What waits for it, or asks it later, fails. */
  stop(): void {
    this.end("stopped");
  }

  private ask(request: Unnumbered): Promise<Record<string, Tensor>> {
    if (this.ended !== null) return Promise.reject(new Mistake(this.ended));
    const id = this.asked++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ ...request, id });
    });
  }

  private end(reason: string): void {
    this.worker.terminate();
    this.ended ??= reason;
    for (const { reject } of this.waiting.values()) reject(new Mistake(reason));
    this.waiting.clear();
  }
}

/** The worker's own address is that of its script, so files are named by their whole address. */
function address(network: Network): string {
  return new URL(network.file, document.baseURI).href;
}
