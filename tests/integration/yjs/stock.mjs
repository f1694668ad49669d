// A stock client of a paper: y-websocket on yjs, as a program that is told what to do line by line, and says what it sees.
import * as readline from "node:readline";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

const [url, paper, token] = process.argv.slice(2);
const doc = new Y.Doc();
const text = doc.getText("text");
const provider = new WebsocketProvider(`${url}/yjs`, paper, doc, { protocols: ["yjs", `bearer.${token}`], disableBc: true });
const say = (what, value) => process.stdout.write(`${JSON.stringify([what, value])}\n`);
console.warn = (...told) => say("warning", told.join(" "));
provider.on("status", ({ status }) => say("status", status));
provider.on("sync", (synced) => say("sync", synced));
provider.on("closed", (...told) => say("closed", told[0]?.code ?? null));
provider.on("connection-close", (event) => say("close", event?.code ?? null));
text.observe(() => say("text", text.toString()));
provider.awareness.on("change", () => say("shown", [...provider.awareness.getStates().values()]));
for await (const line of readline.createInterface({ input: process.stdin })) {
  const [op, value, at] = JSON.parse(line);
  if (op === "insert") text.insert(at ?? text.length, value);
  else if (op === "delete") text.delete(value, at);
  else if (op === "show") provider.awareness.setLocalStateField("user", value);
  else if (op === "say") say("text", text.toString());
  else if (op === "state") say("state", Buffer.from(Y.encodeStateAsUpdate(doc)).toString("base64"));
}
