// A real server for tests: started with data of its own on a free port, ended by its process id.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const PROGRAM = process.env.MADANG_PROGRAM ?? join(ROOT, ".venv/bin/madang");

export class Server {
  port = 0;
  readonly #data: string;
  readonly #options: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  #process: ChildProcess | undefined;

  private constructor(data: string, options: readonly string[], env: Readonly<Record<string, string>>) {
    this.#data = data;
    this.#options = options;
    this.#env = env;
  }

  static async start(
    options: readonly string[] = ["--load-test"],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Server> {
    const server = new Server(await mkdtemp(join(tmpdir(), "madang-js-")), options, env);
    await server.run();
    return server;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  get http(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Run it, on the port that it had before. */
  async run(): Promise<void> {
    const given = ["serve", "--port", String(this.port), "--admin-port", "0", "--data", this.#data, ...this.#options];
    const process_ = spawn(PROGRAM, given, {
      env: { ...process.env, ...this.#env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = process_;
    let said = "";
    this.port = await new Promise<number>((done, fail) => {
      process_.once("exit", (code) => fail(new Error(`the server ended (${code}): ${said}`)));
      const hear = (chunk: unknown) => {
        said = (said + chunk).slice(-10_000);
        const port = /open at http:\/\/127\.0\.0\.1:(\d+)/.exec(said)?.[1];
        if (port) done(Number(port));
      };
      process_.stdout.on("data", hear);
      process_.stderr.on("data", hear);
    });
    while (
      !(await fetch(`${this.http}/readyz`).then(
        (answer) => answer.ok,
        () => false,
      ))
    )
      await new Promise((go) => setTimeout(go, 20));
  }

  /** End its process: `SIGTERM` as an operator does, `SIGKILL` as a crash. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const process_ = this.#process;
    this.#process = undefined;
    if (!process_ || process_.exitCode !== null) return;
    const ended = new Promise((done) => process_.once("exit", done));
    process_.kill(signal);
    await ended;
  }

  /** Forget all that it has stored; it must not run. */
  async wipe(): Promise<void> {
    await rm(this.#data, { recursive: true, force: true });
  }

  async stop(): Promise<void> {
    await this.kill("SIGTERM");
    await rm(this.#data, { recursive: true, force: true });
  }
}
