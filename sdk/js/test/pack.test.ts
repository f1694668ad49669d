// The package as it is published, in a clean project: what is in it, its types for a strict compiler, `import` and `require`.

import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, expect, onTestFinished, test } from "vitest";

const run = promisify(execFile);
const HERE = fileURLToPath(new URL("..", import.meta.url));
const MODULES = fileURLToPath(new URL("../../../node_modules", import.meta.url));
const TSC = join(MODULES, "typescript/bin/tsc");
const CONSUMER = `
import { type Client, connect, MadangError, type RoomSnapshot, Unauthorised } from "madang";
import { connect as small } from "madang/core";
import { type PaperSnapshot, papers } from "madang/papers";
const client: Client = connect("ws://localhost:8400", { getToken: async ({ reason }) => { if (reason === "refused") throw new Unauthorised(); return ""; } });
const snapshot: RoomSnapshot = client.room("lobby").store.getSnapshot();
for (const item of snapshot.items) if (item.kind === "message" && item.error instanceof MadangError) console.log(item.text, item.reactions[0]?.emoji);
small("ws://localhost:8400").close();
papers(client).open("card").then((paper) => { const { saved }: PaperSnapshot = paper.store.getSnapshot(); paper.doc.getText("text").insert(saved ? 0 : 1, ""); });
`;

let project: string;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "madang-pack-"));
  const target = join(project, "node_modules/madang");
  await mkdir(target, { recursive: true });
  await run(process.execPath, [TSC, "--project", join(HERE, "tsconfig.build.json"), "--outDir", join(target, "dist")]);
  for (const file of ["package.json", "README.md", "LICENSE"]) await cp(join(HERE, file), join(target, file));
  for (const needed of ["yjs", "lib0"])
    await cp(join(MODULES, needed), join(project, "node_modules", needed), { recursive: true });
  await writeFile(join(project, "package.json"), '{"type":"module"}');
  return () => rm(project, { recursive: true });
}, 60_000);

test("everything that it names is there, and nothing runs when it is imported", async () => {
  const about = JSON.parse(await readFile(join(HERE, "package.json"), "utf8"));
  expect(about.sideEffects).toBe(false);
  expect(about.dependencies).toBeUndefined();
  for (const { types, default: code } of [about.exports["."], about.exports["./core"], about.exports["./papers"]]) {
    for (const file of [types, code])
      expect((await readFile(join(project, "node_modules/madang", file), "utf8")).length).toBeGreaterThan(100);
  }
  expect(Object.keys(about.exports["."])[0]).toBe("types");
});

test("a strict compiler takes its types", { timeout: 60_000 }, async () => {
  await writeFile(join(project, "consumer.ts"), CONSUMER);
  onTestFinished(() => rm(join(project, "consumer.ts")));
  const strict = [
    "--strict",
    "--exactOptionalPropertyTypes",
    "--noEmit",
    "--module",
    "nodenext",
    "--target",
    "es2022",
    "--lib",
    "es2023,dom",
  ];
  const { stdout } = await run(process.execPath, [TSC, ...strict, "consumer.ts"], { cwd: project });
  expect(stdout).toBe("");
});

test("it is imported, and required", async () => {
  const names = "console.log(Object.keys(m).sort().join())";
  const imported = await run(
    process.execPath,
    ["--input-type=module", "--eval", `import * as m from "madang"; ${names}`],
    { cwd: project },
  );
  const required = await run(
    process.execPath,
    ["--input-type=commonjs", "--eval", `const m = require("madang"); ${names}`],
    { cwd: project },
  );
  expect(imported.stdout.trim()).toBe("MadangError,Unauthorised,VERSION,connect,indexedDBOutbox,memoryOutbox");
  expect(required.stdout).toBe(imported.stdout);
  const papers = ["--input-type=module", "--eval", `import * as m from "madang/papers"; ${names}`];
  expect((await run(process.execPath, papers, { cwd: project })).stdout.trim()).toBe("papers");
});
