// Imports parts that come later, with what they need beside them. Vite's own way is five times the size, for style sheets that come with
// such a part; here all style is there from the start, and the build ends where it is not.

import type { Plugin } from "vite";

const HELPER = "\0vite/preload-helper.js";

// `needs`: paths of files in the build, the part itself and the style that is there already among them.
const IMPORT = `
export const __vitePreload = (load, needs = []) => {
  for (const path of needs) {
    if (!path.endsWith(".js")) continue;
    const link = document.createElement("link");
    link.rel = "modulepreload";
    link.href = "/" + path;
    document.head.append(link);
  }
  return load();
};`;

const PLAIN = "export const __vitePreload = (load) => load();"; // on pages of others nothing is added to their head

export function imports({ ahead }: { ahead: boolean }): Plugin {
  return {
    name: "imports",
    apply: "build",
    enforce: "pre",
    load: (id) => (id === HELPER ? (ahead ? IMPORT : PLAIN) : null),
    generateBundle(_, bundle) {
      for (const part of Object.values(bundle)) {
        if (part.type === "chunk" && !part.isEntry && part.viteMetadata?.importedCss.size)
          this.error(`${part.fileName} brings style of its own: import it where the page starts.`);
      }
    },
  };
}
