import { defineConfig } from "vitest/config";

export default defineConfig({
  base: "./", // the page works in any folder of a host
  resolve: {
    // ONNX Runtime's WebAssembly becomes a file of its own, which the browser compiles while it loads.
    conditions: ["onnxruntime-web-use-extern-wasm", "module", "browser", "development|production"],
  },
  worker: { format: "es" },
  build: { target: "es2022", assetsInlineLimit: 0, chunkSizeWarningLimit: 1000 },
  test: { testTimeout: 60_000, hookTimeout: 60_000, fileParallelism: false },
});
