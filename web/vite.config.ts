// Builds the pages into the Python package, from where every node serves them: `page` for visitors, `admin` for the admin
// listener (--mode admin), which share no file. Nothing is inlined: the CSP allows no inline script.
// `scripts/npm run dev -w web` serves the page while it is worked on, for a Madang that runs at its usual port.

import { fileURLToPath } from "node:url";
import preact from "@preact/preset-vite";
import { defineConfig } from "vite";
import { alias } from "./build/alias.ts";
import { imports } from "./build/imports.ts";
import { packed } from "./build/packed.ts";
import { tiny } from "./build/tiny.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const SHARED =
  /rolldown.runtime|node_modules.@?preact|sdk.js.src.(?!indexeddb|rooms|parts|asking|looking|moderating|pages|signs)|web.src.(route|ui.(jsx|signals|button|icon.tsx|later)|room.(memo|words|useExtras|useStore).tsx?$|session.(?!around|peers|leaving|title.ts|keyboard-inset|notify|entering|explain|api)|words.(index|format))/;
const DOOR = /web.src.(screens.(sign-in|field|language-switch)|session.(entering|explain|api)|words.door)/;
const SERVER = "http://127.0.0.1:8400";

export default defineConfig(({ mode }) => {
  const [part, html] = mode === "admin" ? ["admin", "admin.html"] : ["page", "index.html"];
  return {
    plugins: [preact({ reactAliasesEnabled: false }), tiny(), imports({ ahead: true }), packed()],
    resolve: { alias },
    server: { proxy: { "/api": SERVER, "/ws": { target: SERVER, ws: true } } },
    build: {
      outDir: here(`../src/madang/web/${part}`),
      emptyOutDir: true,
      target: "es2022",
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      manifest: true,
      rolldownOptions: {
        input: here(html),
        // What the door and the yard share is one file, not three: each would cost a first visit a request. So is the door.
        output: {
          codeSplitting: {
            groups: [{ name: "base", test: SHARED }, ...(part === "page" ? [{ name: "door", test: DOOR }] : [])],
          },
        },
        checks: { pluginTimings: false },
      },
    },
  };
});
