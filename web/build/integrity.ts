// Says what hash a script has that pages of other origins name (SRI): integrity.json beside it, served as the script is.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

export function integrity(): Plugin {
  let folder = "";
  return {
    name: "integrity",
    apply: "build",
    configResolved(config) {
      folder = config.build.outDir;
    },
    closeBundle() {
      const scripts = readdirSync(folder).filter((name) => name.endsWith(".js"));
      const hash = (name: string) =>
        createHash("sha384")
          .update(readFileSync(join(folder, name)))
          .digest("base64");
      const hashes = Object.fromEntries(scripts.map((name) => [name, `sha384-${hash(name)}`]));
      writeFileSync(join(folder, "integrity.json"), `${JSON.stringify(hashes)}\n`);
    },
  };
}
