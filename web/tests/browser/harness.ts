/** A static server on this machine, and the browser that looks at its page. */

import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll } from "vitest";

const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** The folder that export.py format=web wrote, and what Python computed for it. */
export const PAGE = required("PAGE");
export const EXPECTED = required("EXPECTED");

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: run make test-page`);
  return value;
}

export async function serve(folder: string): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
    const file = join(folder, normalize(path.endsWith("/") ? `${path}index.html` : path));
    if (!file.startsWith(folder) || !existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, server };
}

/** Starts the browser. With `gpu` it has WebGPU, which the processor plays. */
export function launch(gpu = false): Promise<Browser> {
  const graphics = gpu ? "--enable-unsafe-webgpu" : "--disable-gpu";
  const flags = ["--no-sandbox", graphics, "--disable-quic", "--no-first-run"];
  const silent = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [...flags, ...silent],
  });
}

/** Where the page is served, and the browser that visits it. */
export interface Visit {
  url: string;
  browser: Browser;
}

/** Serves the page and starts the browser before the tests of a file, and ends both after them. */
export function visit(gpu = false): Visit {
  const started = {} as Visit;
  let server: Server | undefined;
  beforeAll(async () => {
    ({ server, url: started.url } = await serve(PAGE));
    started.browser = await launch(gpu);
  });
  afterAll(async () => {
    await started.browser?.close();
    server?.close();
  });
  return started;
}

/** Watches a page: addresses that are not the server's, and errors that nobody caught. */
export function watch(page: Page, url: string): { foreign: string[]; errors: string[] } {
  const seen = { foreign: [] as string[], errors: [] as string[] };
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !/^(data|blob):/.test(request.url())) {
      seen.foreign.push(request.url());
    }
  });
  page.on("pageerror", (error) => seen.errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") seen.errors.push(message.text());
  });
  return seen;
}
