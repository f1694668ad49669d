// A bad network between a client and a server: it passes WebSocket frames on one by one, and says what becomes of each.

import { createServer, connect as dial, type Server, type Socket } from "node:net";

/** What becomes of a frame: passed on, passed on after some milliseconds, or not, because the link ends or goes dead there. */
export type Fate = "pass" | "cut" | "cut after" | "dead" | number;

export type Judge = (frame: { up: boolean; connection: number; number: number }) => Fate;

/** Numbers between 0 and 1, the same for the same seed (mulberry32). */
export function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** The length of the frame at the front, 0 if it is not all there. */
function frameLength(bytes: Buffer): number {
  if (bytes.length < 2) return 0;
  const second = bytes.readUInt8(1);
  let length = second & 127;
  let head = 2;
  if (length === 126) {
    if (bytes.length < 4) return 0;
    length = bytes.readUInt16BE(2);
    head = 4;
  } else if (length === 127) {
    if (bytes.length < 10) return 0;
    length = Number(bytes.readBigUInt64BE(2));
    head = 10;
  }
  const all = head + (second & 128 ? 4 : 0) + length;
  return bytes.length < all ? 0 : all;
}

export class Link {
  connections = 0;
  judge: Judge = () => "pass";
  readonly #target: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((client) => this.#accept(client));
  }

  static async to(url: string): Promise<Link> {
    const link = new Link(Number(new URL(url).port));
    await new Promise<void>((done) => link.#server.listen(0, "127.0.0.1", done));
    return link;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as { port: number }).port}/ws`;
  }

  /** How many connections are open. */
  get open(): number {
    return this.#sockets.size / 2;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((done) => this.#server.close(done));
  }

  #accept(client: Socket): void {
    this.connections += 1;
    const connection = this.connections;
    const server = dial(this.#target, "127.0.0.1");
    const both = [client, server];
    for (const socket of both) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        for (const other of both) other.destroy();
      });
    }
    const pair = { dead: false, cut: () => both.forEach((socket) => void socket.destroy()) };
    this.#pass(client, server, true, connection, pair);
    this.#pass(server, client, false, connection, pair);
  }

  #pass(from: Socket, to: Socket, up: boolean, connection: number, pair: { dead: boolean; cut: () => void }): void {
    let bytes = Buffer.alloc(0);
    let shaken = false; // the handshake is over
    let number = 0;
    const frames: Buffer[] = [];
    let passing = false;
    const pass = async () => {
      passing = true;
      for (let frame = frames.shift(); frame && !pair.dead; frame = frames.shift()) {
        number += 1;
        const fate = this.judge({ up, connection, number });
        if (fate === "dead") pair.dead = true;
        else if (fate === "cut") pair.cut();
        else {
          if (typeof fate === "number") await new Promise((done) => setTimeout(done, fate));
          to.write(frame);
          if (fate === "cut after") setImmediate(pair.cut);
        }
      }
      passing = false;
    };
    from.on("data", (chunk) => {
      bytes = Buffer.concat([bytes, chunk as Buffer]);
      if (!shaken) {
        const end = bytes.indexOf("\r\n\r\n");
        if (end < 0) return;
        to.write(bytes.subarray(0, end + 4));
        bytes = bytes.subarray(end + 4);
        shaken = true;
      }
      for (let length = frameLength(bytes); length; length = frameLength(bytes)) {
        frames.push(bytes.subarray(0, length));
        bytes = bytes.subarray(length);
      }
      if (!passing) void pass();
    });
  }
}
