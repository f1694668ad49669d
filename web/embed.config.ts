// Builds what pages of other origins load: <madang-room> and, with --mode sdk, the SDK for pages without a build step. Both have fixed
// names; hashed files are asked for when they are needed. They share no file: few pages have both, and one file is a kB less than two.

import { fileURLToPath } from "node:url";
import preact from "@preact/preset-vite";
import { defineConfig } from "vite";
import { alias } from "./build/alias.ts";
import { imports } from "./build/imports.ts";
import { integrity } from "./build/integrity.ts";
import { packed } from "./build/packed.ts";
import { tiny } from "./build/tiny.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig(({ mode }) => {
  const sdk = mode === "sdk";
  return {
    base: "./",
    plugins: [preact({ reactAliasesEnabled: false }), integrity(), tiny(), imports({ ahead: false }), packed()],
    resolve: { alias },
    build: {
      outDir: here("../src/madang/web/embed"),
      emptyOutDir: !sdk,
      copyPublicDir: false,
      target: "es2022",
      modulePreload: false,
      manifest: sdk ? ".vite/sdk.json" : true,
      rolldownOptions: {
        checks: { pluginTimings: false },
        input: sdk ? { madang: here("../sdk/js/src/index.ts") } : { "madang-room": here("src/embed/loader.ts") },
        preserveEntrySignatures: "strict",
        output: {
          entryFileNames: "[name].js",
          chunkFileNames: "assets/[name]-[hash].js",
          // What is needed first is one file, with what later parts take from it.
          codeSplitting: {
            groups: [
              { name: sdk ? "client" : "widget", test: sdk ? /sdk.js.src.index.ts/ : /embed.widget.tsx/ },
              { name: "preload-helper", test: /preload-helper/, priority: 1 },
            ],
          },
        },
      },
    },
  };
});
