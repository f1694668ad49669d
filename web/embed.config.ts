// Builds what pages of other origins load: <madang-room>, and the SDK for pages without a build step. Both have fixed names; hashed files
// are asked for when they are needed.

import { fileURLToPath } from "node:url";
import preact from "@preact/preset-vite";
import { defineConfig } from "vite";
import { alias } from "./build/alias.ts";
import { imports } from "./build/imports.ts";
import { integrity } from "./build/integrity.ts";
import { packed } from "./build/packed.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  base: "./",
  plugins: [preact({ reactAliasesEnabled: false }), integrity(), imports({ ahead: false }), packed()],
  resolve: { alias },
  build: {
    outDir: here("../src/madang/web/embed"),
    emptyOutDir: true,
    copyPublicDir: false,
    target: "es2022",
    modulePreload: false,
    manifest: true,
    rolldownOptions: {
      checks: { pluginTimings: false },
      input: { "madang-room": here("src/embed/loader.ts"), madang: here("../sdk/js/src/index.ts") },
      preserveEntrySignatures: "strict",
      output: { entryFileNames: "[name].js", chunkFileNames: "assets/[name]-[hash].js" },
    },
  },
});
