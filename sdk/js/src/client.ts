// `connect`, and the client that it returns.

import type { Socket } from "./connection.js";
import { Core } from "./core.js";
import { MadangError } from "./errors.js";
import { later } from "./late.js";
import { memoryOutbox } from "./sends.js";
import type * as T from "./types.js";

/** The address of the server's WebSocket: of `https://chat.example`, `wss://chat.example/ws`. */
export function endpoint(url: string): string {
  const target = new URL(url, globalThis.location?.href);
  target.protocol = target.protocol.replace("http", "ws");
  if (target.pathname === "/") target.pathname = "/ws";
  target.hash = "";
  return target.href;
}

/**
 * Return a client of a server, for one user. It connects when somebody uses it: subscribes, joins, or asks something.
 *
 * @param url - where the server is: `https://chat.example`, or with the path of its WebSocket.
 */
export function connect(url: string, options: T.ConnectOptions = {}): T.Client {
  return new ClientHandle(url, options);
}

export class ClientHandle implements T.Client {
  readonly url: string;
  readonly rooms: T.Store<T.RoomsSnapshot>;
  declare readonly createRoom: T.Client["createRoom"];
  declare readonly direct: T.Client["direct"];
  declare readonly profile: T.Client["profile"];
  declare readonly search: T.Client["search"];
  readonly core: Core;
  readonly #listeners = new Map<string, Set<(value: never) => void>>();
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => void this.close();

  constructor(url: string, options: T.ConnectOptions) {
    const Socket: Socket | undefined = options.WebSocket ?? globalThis.WebSocket;
    if (!Socket) throw new MadangError("disconnected", "There is no WebSocket here: pass one as an option.");
    this.url = endpoint(url);
    this.core = new Core(this.url, Socket, options, options.outbox ?? memoryOutbox(), (type, value) =>
      this.#emit(type, value),
    );
    this.rooms = this.core.list;
    this.#signal = options.signal;
    this.#signal?.addEventListener("abort", this.#abort);
    if (this.#signal?.aborted) this.#abort();
  }

  get state(): T.ClientState {
    return this.core.connection.state;
  }

  get user(): T.Me | null {
    return this.core.user;
  }

  get token(): string | null {
    return this.core.credentials.token;
  }

  get server(): T.ServerInfo | null {
    return this.core.server;
  }

  on<K extends keyof T.ClientEvents>(type: K, fn: (value: T.ClientEvents[K]) => void): () => void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners);
    const listener = (value: T.ClientEvents[K]) => fn(value);
    listeners.add(listener);
    const unuse = this.core.use();
    return () => {
      if (listeners.delete(listener)) unuse();
    };
  }

  #emit(type: string, value: unknown): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) {
      try {
        listener(value as never);
      } catch (error) {
        queueMicrotask(() => {
          throw error; // the application's own: it is reported, and harms nobody else
        });
      }
    }
  }

  room(id: string, { invite }: { invite?: string } = {}): T.Room {
    const feed = this.core.feed(id);
    if (invite !== undefined) feed.invite = invite;
    return this.core.room(id);
  }

  request(op: string, fields: Readonly<Record<string, unknown>> = {}): Promise<T.Answer> {
    return this.core.call(op, fields);
  }

  retryNow(): void {
    this.core.connection.retry();
  }

  storageKey(name: string): string {
    return `${this.core.credentials.prefix}${this.user?.id ?? ""}:${name}`;
  }

  async close({ forget = false }: { forget?: boolean } = {}): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#abort);
    const { credentials, sends, user } = this.core;
    if (forget) {
      credentials.forget();
      if (user) credentials.forgetKeys(user.id);
      await sends.forget();
    }
    this.core.close();
  }
}

later(ClientHandle, ["createRoom", "direct", "profile", "search"]);
