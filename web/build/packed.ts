// Compresses what was built, once, as small as it gets; the server only chooses. Small files and pictures stay as they are.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const TEXTS = new Set([".css", ".html", ".js", ".json", ".svg", ".webmanifest"]);
const SMALL = 512; // below, the head of an answer is most of it

export function packed(): Plugin {
  let folder = "";
  let root = "";
  return {
    name: "packed",
    apply: "build",
    configResolved(config) {
      folder = config.build.outDir;
      root = config.root;
    },
    closeBundle() {
      const manifest = join(folder, ".vite/manifest.json");
      writeFileSync(manifest, readFileSync(manifest, "utf8").replaceAll(`${root}/`, "")); // Vite names style files by this machine's paths
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !TEXTS.has(extname(entry.name)) || entry.parentPath.includes(".vite")) continue;
        const path = join(entry.parentPath, entry.name);
        const text = readFileSync(path);
        if (text.length < SMALL) continue;
        writeFileSync(`${path}.gz`, gzipSync(text, { level: 9 }));
        const params = { [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT };
        writeFileSync(`${path}.br`, brotliCompressSync(text, { params }));
      }
    },
  };
}
