// What names of packages stand for in the pages: the SDK's own source, and for virtua a little of Preact in place of React.

import { fileURLToPath } from "node:url";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export const alias = [
  { find: /^preact\/jsx-runtime$/, replacement: here("../src/ui/jsx.ts") },
  { find: "madang", replacement: here("../../sdk/js/src/index.ts") },
  { find: /^react(-dom|\/jsx-runtime)?$/, replacement: here("../src/room/list/react.ts") },
];
