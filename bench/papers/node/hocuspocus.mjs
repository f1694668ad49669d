// Hocuspocus 4 as its guide has it: documents are stored by the database extension, after its usual 2 s without a change, 10 s at most.
import { readFileSync, writeFileSync } from "node:fs";
import { Database } from "@hocuspocus/extension-database";
import { Server } from "@hocuspocus/server";

const [port, folder] = process.argv.slice(2);
const place = (name) => `${folder}/${name}.yjs`;
const read = (name) => {
  try {
    return new Uint8Array(readFileSync(place(name)));
  } catch {
    return null;
  }
};
const database = new Database({
  fetch: async ({ documentName }) => read(documentName),
  store: async ({ documentName, state }) => writeFileSync(place(documentName), state),
});
await new Server({ port: Number(port), address: "127.0.0.1", quiet: true, extensions: [database] }).listen();
