/** Runs networks on the GPU, by WebGPU. Its WebAssembly has 27 MB, and is loaded where there is a GPU. */

import { env, InferenceSession, Tensor } from "onnxruntime-web/webgpu";
import module from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url";
import binary from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url";
import { serve } from "./serving";

env.wasm.numThreads = 1;
env.wasm.wasmPaths = { mjs: module, wasm: binary };
env.logLevel = "error";
serve({ InferenceSession, Tensor }, "webgpu");
