// The JavaScript SDK with a paper open, as a program that is told what to do line by line, and says what it sees.
import * as readline from "node:readline";
import { connect } from "madang";
import { papers } from "madang/papers";
import * as Y from "yjs";

const [url, id, token] = process.argv.slice(2);
const paper = await papers(connect(url, { token })).open(id);
const text = paper.doc.getText("text");
const say = (what, value) => process.stdout.write(`${JSON.stringify([what, value])}\n`);
say("sync", true);
for await (const line of readline.createInterface({ input: process.stdin })) {
  const [op, value] = JSON.parse(line);
  if (op === "insert") text.insert(text.length, value);
  else if (op === "save") paper.saved().then(() => say("saved", value));
  else if (op === "state") say("state", Buffer.from(Y.encodeStateAsUpdate(paper.doc)).toString("base64"));
}
