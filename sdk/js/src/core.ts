// What a client is made of, put together: the connection, what waits to go out on it, the rooms, and who the user is.

import { Connection, type Socket, type Talk } from "./connection.js";
import { Credentials } from "./credentials.js";
import { MadangError } from "./errors.js";
import { Feed } from "./feed.js";
import { camel } from "./fields.js";
import { late } from "./late.js";
import { type CallOptions, Pending } from "./pending.js";
import { RoomHandle } from "./room.js";
import type { RoomList } from "./rooms.js";
import { Sends } from "./sends.js";
import { Cell } from "./store.js";
import type { Answer, ClientEvents, ConnectOptions, Me, Outbox, RoomsSnapshot, ServerInfo } from "./types.js";

const REFRESH_MS = 7 * 24 * 3600 * 1000; // a token has at least 15 days left when hello has been answered

const NO_ROOMS: RoomsSnapshot = { phase: "idle", rooms: [], unread: 0, mentions: 0 };

type Emit = <K extends keyof ClientEvents>(type: K, value: ClientEvents[K]) => void;

export class Core implements Talk {
  readonly connection: Connection;
  readonly credentials: Credentials;
  readonly sends: Sends;
  readonly list: Cell<RoomsSnapshot>;
  rooms: RoomList | undefined; // from when somebody looks at the list
  readonly feeds = new Map<string, Feed>();
  user: Me | null = null;
  server: ServerInfo | null = null;
  over: MadangError | null = null;
  declare aside?: (frame: Answer) => void; // what belongs to no room, once somebody uses papers
  readonly #emit: Emit;
  readonly #pending = new Pending();
  readonly #handles = new Map<string, RoomHandle>();
  readonly #joins = new Map<number, Feed>();
  #uses = 0;
  #delayed: string | undefined; // the code that appends wait for
  #held = false; // whether this is the same user as before is not known yet
  #timer: ReturnType<typeof setTimeout> | undefined;
  #refreshing: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, Socket: Socket, options: ConnectOptions, outbox: Outbox, emit: Emit) {
    this.#emit = emit;
    this.connection = new Connection(url, Socket, this);
    this.credentials = new Credentials(url, options, (token) => emit("token", token));
    this.sends = new Sends(this, outbox);
    this.list = new Cell(
      () => this.rooms?.snapshot() ?? NO_ROOMS,
      () => {
        const unuse = this.use();
        this.#listed();
        return () => {
          unuse();
          if (!this.list.watched) this.rooms?.unused();
        };
      },
    );
  }

  // -- what the application's side calls ------------------------------------------------------------------------------

  /** Be connected until what is returned is called; when the last has done so, the connection ends a macrotask later. */
  use(): () => void {
    this.#uses += 1;
    this.connection.start();
    let using = true;
    return () => {
      if (!using) return;
      using = false;
      this.#uses -= 1;
      if (this.#uses) return;
      setTimeout(() => {
        if (!this.#uses && !this.#pending.size && !this.over) this.connection.rest();
      });
    };
  }

  /** Somebody looks at the list of rooms. */
  #listed(): void {
    if (this.rooms) {
      this.rooms.used();
      return;
    }
    import("./rooms.js").then(
      (parts) => {
        this.rooms ??= new parts.RoomList(this);
        if (this.list.watched) this.rooms.used();
      },
      () => {}, // the network is away: it is tried again with the next connection
    );
  }

  feed(id: string): Feed {
    let feed = this.feeds.get(id);
    if (!feed) {
      const made = new Feed(
        id,
        () => {
          this.#present(made);
          return this.use();
        },
        () => this.rooms?.touched(),
      );
      if (this.user) made.copy.identify(this.user.id, this.user.name);
      this.feeds.set(id, made);
      feed = made;
    }
    return feed;
  }

  room(id: string): RoomHandle {
    let handle = this.#handles.get(id);
    if (!handle) {
      handle = new RoomHandle(this, this.feed(id));
      this.#handles.set(id, handle);
    }
    return handle;
  }

  follow(feed: Feed): Promise<void> {
    if (this.over) return Promise.reject(this.over);
    const followed = feed.follow();
    this.connection.start();
    this.pump();
    return followed;
  }

  call(op: string, fields: object, options: CallOptions = {}): Promise<Answer> {
    return new Promise((done, fail) => {
      this.add(op, fields, options, done, fail);
    });
  }

  add(
    op: string,
    fields: object,
    options: CallOptions,
    done: (answer: Answer) => void,
    fail: (error: MadangError) => void,
  ): void {
    if (this.over) {
      fail(this.over);
      return;
    }
    const { early } = this.sends;
    if (options.ordered && early && (early.length || op === "send")) {
      early.push(() => this.add(op, fields, options, done, fail));
      return;
    }
    this.#pending.add(op, fields, options, done, fail);
    this.connection.start();
    this.connection.check();
    this.pump();
  }

  /** Write what has no answer and is worth nothing later. */
  sign(feed: Feed, op: string, fields: object): void {
    if (feed.stand === "following" && this.connection.open)
      this.connection.write(JSON.stringify({ op, room: feed.id, ...fields }));
  }

  close(): void {
    this.connection.end("closed", new MadangError("closed", "The client was closed."));
  }

  // -- what goes out --------------------------------------------------------------------------------------------------

  /** Write everything that is due: joins first, then commands, as far as the server's window goes. */
  pump(): void {
    if (!this.connection.open || this.#held) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const now = performance.now();
    let due = Number.POSITIVE_INFINITY;
    for (const feed of this.feeds.values()) {
      if (feed.stand !== "away") continue;
      if (feed.due > now) due = Math.min(due, feed.due);
      else if (this.#pending.free > 0) {
        const n = this.#pending.next();
        this.#joins.set(n, feed);
        this.#pending.joins = this.#joins.size;
        this.connection.write(JSON.stringify({ op: "join", n, ...feed.asking() }));
      }
    }
    for (const text of this.#pending.take(now, this.#may)) this.connection.write(text);
    due = Math.min(due, this.#pending.due(this.#may));
    if (due < Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.pump(), Math.max(1, due - now));
  }

  readonly #may = (room: string): boolean => this.feeds.get(room)?.stand !== "away";
  readonly #joining = (room: string): boolean => ["away", "asked"].includes(this.feeds.get(room)?.stand ?? "");

  // -- what the connection tells --------------------------------------------------------------------------------------

  hello(): Promise<object> {
    return this.credentials.hello();
  }

  opened(): void {
    this.#held = this.user !== null && !this.credentials.accepted;
    this.pump();
  }

  welcome({ user, token, server }: Answer): void {
    if (this.user && this.user.id !== user.id) {
      this.connection.end("unauthorised", new MadangError("unauthorised", "The new token is another user's."));
      return;
    }
    this.#held = false;
    const known = this.user;
    this.server = camel(server);
    this.#pending.window = server.window ?? 64;
    this.#pending.roomWindow = server.room_window ?? 1;
    this.#pending.maxFrame = server.max_frame;
    this.credentials.keep(token);
    this.#refreshing = setTimeout(() => void this.#refresh(), REFRESH_MS);
    this.setUser({ ...known, ...user });
    void this.sends.identified(user.id);
    this.rooms?.connected();
    if (!this.rooms && this.list.watched) this.#listed(); // it could not be loaded before
    this.pump();
  }

  setUser(user: Me): void {
    this.user = user;
    for (const feed of this.feeds.values()) feed.copy.identify(user.id, user.name);
    this.#emit("user", user);
  }

  frame(frame: Answer): void {
    const { op, n, room } = frame;
    if (op === "ok" || op === "error") {
      const joining = this.#joins.get(n);
      if (joining) {
        this.#joins.delete(n);
        this.#pending.joins = this.#joins.size;
        if (op === "ok") this.#joined(joining, frame);
        else this.#refused(joining, frame);
      } else this.#delay(frame, this.#pending.answered(frame, performance.now(), this.#joining));
      this.pump();
      return;
    }
    if (op === "unread") this.rooms?.frame(frame);
    else if (op === "expiring") void this.#refresh();
    const feed = this.feeds.get(room);
    if (!feed) this.aside?.(frame);
    else if (op === "event") feed.event(frame);
    else feed.frame(frame);
    if (feed?.stand === "away") this.pump();
  }

  /** Tell what appends wait for, and that they do no longer. */
  #delay(answer: Answer, error: MadangError | null): void {
    const code = error?.code;
    if (error ? error.retryMs === undefined || code === this.#delayed : !this.#delayed || !answer.ack) return;
    this.#delayed = code;
    this.#emit("delayed", error);
  }

  #joined(feed: Feed, answer: Answer): void {
    feed.joined(answer);
    this.rooms?.counted(feed);
    if (feed.copy.readSeq > answer.read_seq) this.sign(feed, "read", { seq: feed.copy.readSeq });
    this.#present(feed);
  }

  #refused(feed: Feed, answer: Answer): void {
    const came = feed.epoch !== "";
    feed.refused(answer, performance.now());
    if (came && feed.phase === "refused" && feed.error) this.#emit("error", feed.error);
  }

  /** Have what is shown beside the items. */
  #present(feed: Feed): void {
    if (feed.stand !== "following") return;
    late((parts) => parts.present(this, feed)).catch(() => {}); // it comes with the next join
  }

  async #refresh(): Promise<void> {
    try {
      const { token } = await this.call("refresh", { token: await this.credentials.refresh() }, { again: false });
      this.credentials.keep(token);
    } catch {
      // the server closes the connection when the token ends, and then a new one is asked for
    }
  }

  lost(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#refreshing);
    this.#joins.clear();
    this.#pending.joins = 0;
    this.#pending.lost();
    for (const feed of this.feeds.values()) feed.lost();
  }

  renew(): boolean {
    return this.credentials.renew();
  }

  changed(): void {
    this.#emit("state", this.connection.state);
  }

  ended(error: MadangError): void {
    this.over = error;
    this.credentials.end(this.connection.state.reason === "unauthorised");
    for (const handle of this.#handles.values()) handle.stop();
    for (const feed of this.feeds.values()) feed.over(error);
    this.#pending.end(error);
    this.sends.over();
    if (error.code !== "closed") this.#emit("error", error);
  }
}
