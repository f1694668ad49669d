// The sequence of connections: when to open one, whether the one there lives, when to give up. What is said on it is the client's.
//
// One socket at a time; the handlers of the last are taken off before the next is made. Whether the server lives is asked by
// `ping`, because a browser shows no WebSocket pings; it is asked when something happens (a send, `online`, the page is shown
// again), because timers of a page in the background may be late by minutes.

import { CLOSES } from "./codes.js";
import { MadangError, Unauthorised } from "./errors.js";
import { given } from "./fields.js";
import { HELLO, refusal, thenOf } from "./pending.js";
import type { Answer, ClientState, Reason } from "./types.js";

/** Milliseconds; tests make them shorter. */
export const TIMES = {
  first: 200, // the bound of the first wait, which doubles
  longest: 4_000,
  later: 5_000,
  steady: 10_000, // a connection that lived this long has proven that the server is well
  hello: 10_000,
  quiet: 25_000, // then the server is asked whether it lives
  pong: 5_000, // for its answer; and for the first sign after a command
};

export interface Talk {
  /** The command to begin with; throws what `getToken` threw. */
  hello(): Promise<object>;
  /** The socket is open and hello is written: write what goes with it. */
  opened(): void;
  /** Hello was answered. */
  welcome(answer: Answer): void;
  /** Any other frame. */
  frame(frame: Answer): void;
  /** The connection is gone. */
  lost(): void;
  /** The token was refused: whether there may be another. */
  renew(): boolean;
  /** The state is another one. */
  changed(): void;
  /** It is over. */
  ended(error: MadangError): void;
}

export type Socket = new (url: string) => WebSocket;

const now = () => performance.now();

export class Connection {
  state: ClientState = { phase: "disconnected", reason: "idle", since: Date.now(), final: false };
  readonly #url: string;
  readonly #Socket: Socket;
  readonly #talk: Talk;
  readonly #local: boolean; // the server is on this very machine: no network is needed
  #ws: WebSocket | null = null;
  #asking = 0; // which asking for a token counts; 0: none
  #asked = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #overdue: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  #tries = 0;
  #heard = 0;
  #pongBy = 0;
  #wrote = 0; // the first command since the server was heard last
  #helloBy = 0;
  #welcomed = 0;
  #bye: number | undefined;
  #ready = false; // hello is written

  constructor(url: string, Socket: Socket, talk: Talk) {
    this.#url = url;
    this.#Socket = Socket;
    this.#talk = talk;
    this.#local = /^wss?:\/\/(localhost|127\.|\[::1\])/.test(url);
  }

  /** Whether commands can be written. */
  get open(): boolean {
    return this.#ready && this.#ws?.readyState === 1;
  }

  /** Be connected, or on the way to it. */
  start(): void {
    if (this.state.final || this.#ws || this.#asking || this.#timer !== undefined) return;
    this.#events(true);
    void this.#attempt();
  }

  /** Try at once, whatever wait was left. */
  retry(): void {
    if (this.state.final || this.#ws || this.#asking) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.start();
  }

  write(frame: string): void {
    this.#ws?.send(frame);
    if (this.#wrote) return;
    this.#wrote = now();
    if (!this.#pongBy && !this.#helloBy) this.#deadline(TIMES.pong);
  }

  /** Be not connected, until the next `start`. */
  rest(): void {
    this.#drop();
    this.#events(false);
    this.#enter("disconnected", "idle");
  }

  /** End for good. */
  end(reason: Reason, error: MadangError): void {
    if (this.state.final) return;
    this.#drop();
    this.#events(false);
    this.#enter("disconnected", reason, { error, final: true });
    this.#talk.ended(error);
  }

  /** Something happens: make sure that the server lives, if it has been quiet; `doubt` asks it anyway. */
  check(doubt = false): void {
    const time = now();
    if (!this.#ws) return;
    if ((this.#pongBy && time >= this.#pongBy) || (this.#helloBy && time >= this.#helloBy)) {
      this.#lost("lost");
    } else if (this.open && !this.#pongBy && !this.#helloBy) {
      const unheard = this.#wrote && time - this.#wrote >= TIMES.pong;
      if (!doubt && !unheard && time - this.#heard <= TIMES.quiet) return;
      this.#pongBy = time + TIMES.pong;
      this.#ws.send('{"op":"ping","n":0}');
      this.#deadline(TIMES.pong);
    }
  }

  #deadline(ms: number): void {
    clearTimeout(this.#overdue);
    this.#overdue = setTimeout(() => this.check(), ms + 10);
  }

  async #attempt(): Promise<void> {
    const asking = ++this.#asked;
    this.#asking = asking;
    this.#enter("connecting", this.state.reason);
    let hello: object;
    try {
      hello = await this.#talk.hello();
    } catch (error) {
      if (this.#asking !== asking) return;
      this.#asking = 0;
      const why =
        error instanceof MadangError ? error : new MadangError("token", String((error as Error)?.message ?? error));
      if (why instanceof Unauthorised) this.end("unauthorised", why);
      else this.#wait("token", this.#backoff(), why);
      return;
    }
    if (this.#asking !== asking) return; // dropped meanwhile
    this.#asking = 0;
    let ws: WebSocket;
    try {
      ws = this.#ws = new this.#Socket(this.#url);
    } catch (error) {
      this.end("refused", new MadangError("disconnected", String((error as Error)?.message ?? error)));
      return;
    }
    this.#bye = undefined;
    this.#helloBy = now() + TIMES.hello;
    this.#deadline(TIMES.hello);
    ws.onopen = () => {
      ws.send(JSON.stringify({ op: "hello", n: HELLO, ...hello }));
      this.#ready = true;
      this.#talk.opened();
    };
    ws.onmessage = (event) => this.#take(event.data);
    ws.onclose = (event) => this.#closed(event.code, event.reason);
  }

  #take(data: unknown): void {
    this.#heard = now();
    this.#pongBy = this.#wrote = 0;
    let frame: Answer;
    try {
      frame = JSON.parse(data as string);
    } catch {
      this.#lost("lost");
      return;
    }
    if (frame.n === HELLO && frame.op === "ok") {
      this.#helloBy = 0;
      this.#welcomed = this.#heard;
      this.#enter("connected");
      this.#talk.welcome(frame);
    } else if (frame.n === HELLO && frame.op === "error") {
      this.#refused(frame);
    } else {
      if (frame.op === "bye") this.#bye = frame.retry_ms;
      this.#talk.frame(frame);
    }
  }

  #refused(frame: Answer): void {
    const error = refusal(frame);
    const token = frame.code === "bad_token" || frame.code === "no_guests";
    if (thenOf(frame) !== "tell") this.#lost("busy", error, error.retryMs);
    else if (frame.code === "bad_token" && this.#talk.renew()) this.#lost("lost", error);
    else this.end(token ? "unauthorised" : "refused", error);
  }

  #closed(code: number, reason: string): void {
    const verdict = CLOSES[code];
    const error = new MadangError("disconnected", reason || `The connection was closed (${code}).`);
    const token = code === 4401 || code === 4410;
    if (verdict === "never" && !(code === 4401 && this.#talk.renew()))
      this.end(token ? "unauthorised" : "refused", error);
    else if (this.#bye !== undefined) this.#lost("restart", error, Math.random() * this.#bye, true);
    else if (verdict === "later") this.#lost("busy", error, TIMES.later + Math.random() * TIMES.later);
    else this.#lost("lost", error);
  }

  /** Between nothing and a bound that doubles, so that those cut off together do not return together. */
  #backoff(): number {
    return Math.random() * Math.min(TIMES.longest, TIMES.first * 2 ** Math.min(this.#tries++, 16));
  }

  #lost(reason: Reason, error?: MadangError, more = 0, exactly = false): void {
    if (this.#welcomed && now() - this.#welcomed > TIMES.steady) this.#tries = 0;
    this.#drop();
    this.#wait(reason, more + (exactly ? 0 : this.#backoff()), error);
  }

  #wait(reason: Reason, ms: number, error?: MadangError): void {
    const offline = globalThis.navigator?.onLine === false;
    const why = offline ? "offline" : reason;
    if (offline && !this.#local) {
      this.#enter("disconnected", why, { error });
      return; // `online` goes on
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.start();
    }, ms);
    this.#enter("disconnected", why, { error, retryAt: Date.now() + ms });
  }

  #drop(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#overdue);
    this.#timer = undefined;
    this.#asking = 0;
    this.#ready = false;
    this.#pongBy = this.#helloBy = this.#welcomed = this.#wrote = 0;
    const ws = this.#ws;
    if (!ws) return;
    this.#ws = null;
    ws.onopen = ws.onmessage = ws.onclose = null;
    ws.onerror = () => {}; // of one that is still opening
    ws.close();
    this.#talk.lost();
  }

  #enter(
    phase: ClientState["phase"],
    reason?: Reason,
    more: { error?: MadangError | undefined; retryAt?: number; final?: boolean } = {},
  ): void {
    const { error, retryAt, final = false } = more;
    this.state = {
      phase,
      since: phase === this.state.phase ? this.state.since : Date.now(),
      final,
      ...given({ reason, error, retryAt }),
    };
    this.#talk.changed();
  }

  // -- what the browser says ------------------------------------------------------------------------------------------

  readonly #happens = (event: { type: string }): void => {
    if (event.type === "offline") {
      this.check(true);
      if (!this.#ws && !this.#local) {
        this.#drop();
        this.#wait("offline", 0);
      }
    } else if (globalThis.document?.visibilityState !== "hidden") {
      if (this.#ws) this.check(event.type === "online");
      else if (this.state.reason !== "restart" && this.state.reason !== "busy") this.retry();
    }
  };

  #events(on: boolean): void {
    if (on === (this.#watch !== undefined)) return;
    const change = on ? "addEventListener" : "removeEventListener";
    for (const type of ["online", "offline", "pageshow", "focus"]) globalThis[change]?.(type, this.#happens);
    globalThis.document?.[change]("visibilitychange", this.#happens);
    clearInterval(this.#watch);
    this.#watch = on ? setInterval(() => this.check(), TIMES.quiet) : undefined;
  }
}
