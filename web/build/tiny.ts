// Puts what the bundler needs for itself, a line or two, into the parts that use it: as a file it would cost each first visit a request.

import type { Plugin } from "vite";

const TINY = /^(?:rolldown-runtime|preload-helper)$/;

export function tiny(): Plugin {
  return {
    name: "tiny",
    apply: "build",
    enforce: "pre",
    generateBundle: {
      order: "pre",
      handler(_, bundle) {
        for (const own of Object.values(bundle)) {
          if (own.type !== "chunk" || !TINY.test(own.name)) continue;
          if (own.imports.length) this.error(`${own.fileName} needs others: it cannot be put into them.`);
          const value = inPlace(own.code);
          const file = own.fileName.replace(/^.*\//, "").replaceAll(".", "\\.");
          const from = new RegExp(`import\\{([^}]*)\\}from"[./a-z]*${file}";`);
          for (const part of Object.values(bundle)) {
            if (part.type !== "chunk" || !part.imports.includes(own.fileName)) continue;
            part.code = part.code.replace(
              from,
              (_, names: string) => `const{${names.replaceAll(" as ", ":")}}=${value};`,
            );
            if (part.code.includes(own.fileName))
              this.error(`${part.fileName} imports ${own.fileName} in an unknown way.`);
            part.imports = part.imports.filter((name) => name !== own.fileName);
          }
          delete bundle[own.fileName];
        }
      },
    },
  };
}

/** What a module exports, as an expression. */
function inPlace(code: string): string {
  return `(()=>{${code.replace(/export\{([^}]*)\};?\s*$/, (_, names: string) => {
    const pairs = names.split(",").map((name) => name.split(" as "));
    return `return{${pairs.map(([local, name]) => `${name ?? local}:${local}`).join()}}`;
  })}})()`;
}
