/** What a worker does that runs networks, with any build of ONNX Runtime. */

import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-web/wasm";
import type { Network } from "../laboratory";
import type { Answer, Request, Tensor } from "./messages";

export interface Runtime {
  InferenceSession: typeof InferenceSession;
  Tensor: typeof OrtTensor;
}

interface Loaded {
  session: InferenceSession;
  network: Network;
}

/** Answers the page's requests. `provider` is ONNX Runtime's name of what computes. */
export function serve(runtime: Runtime, provider: "wasm" | "webgpu"): void {
  const networks = new Map<string, Promise<Loaded>>();

  function load(network: Network): Promise<Loaded> {
    let loaded = networks.get(network.file);
    if (loaded === undefined) {
      loaded = start(network);
      networks.set(network.file, loaded);
      loaded.catch(() => networks.delete(network.file)); // so that the next try may succeed
    }
    return loaded;
  }

  async function start(network: Network): Promise<Loaded> {
    const answer = await fetch(network.file);
    if (!answer.ok) throw new Error(`${network.file} could not be loaded (${answer.status})`);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const session = await runtime.InferenceSession.create(bytes, { executionProviders: [provider] });
    return { session, network };
  }

  async function run(file: string, input: Tensor): Promise<Record<string, Tensor>> {
    const loaded = await networks.get(file);
    if (loaded === undefined) throw new Error(`${file} was not loaded`);
    const given = new runtime.Tensor("float32", input.data, input.shape);
    const results = await loaded.session.run({ [loaded.network.input]: given });
    return Object.fromEntries(
      Object.entries(results).map(([name, value]) => [
        name,
        { data: value.data as Float32Array, shape: value.dims },
      ]),
    );
  }

  self.onmessage = async ({ data }: MessageEvent<Request>) => {
    let answer: Answer;
    try {
      if (data.kind === "load") await load(data.network);
      const outputs = data.kind === "run" ? await run(data.file, data.input) : {};
      answer = { id: data.id, outputs };
    } catch (error) {
      answer = { id: data.id, error: error instanceof Error ? error.message : String(error) };
    }
    self.postMessage(answer);
  };
}
