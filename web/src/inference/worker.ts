/** Runs networks beside the page, so that it never stands still. One worker uses one core. */

import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import module from "onnxruntime-web/ort-wasm-simd-threaded.mjs?url";
import binary from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import { serve } from "./serving";

env.wasm.numThreads = 1; // several workers use several cores, and need no isolation of the page
env.wasm.wasmPaths = { mjs: module, wasm: binary };
env.logLevel = "error";
serve({ InferenceSession, Tensor }, "wasm");
