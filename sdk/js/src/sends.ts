// The user's own messages, from `send` until the server has them: kept in the outbox, shown in the copy, put in order.

import type { Core } from "./core.js";
import { MadangError } from "./errors.js";
import type { Feed } from "./feed.js";
import { given } from "./fields.js";
import { randomId } from "./ids.js";
import type { Ack, Answer, Outbox, QueuedSend, SendOptions } from "./types.js";

const MOST_SENDS = 20_000;

/** An outbox in memory: what is in it ends with the process. */
export function memoryOutbox(): Outbox {
  const nothing = async () => {};
  return { load: async () => [], put: nothing, remove: nothing, clear: nothing };
}

const bytesOf = ({ text, data }: Pick<QueuedSend, "text" | "data">) =>
  text.length + (JSON.stringify(data)?.length ?? 0);

interface Waiting {
  done: (ack: Ack) => void;
  fail: (error: MadangError) => void;
}

export class Sends {
  readonly #core: Core;
  readonly #outbox: Outbox;
  readonly #sends = new Map<string, QueuedSend>();
  /** Sends of this client wait until those of an earlier one are there, and what must not overtake them waits behind. */
  early: (() => void)[] | null = [];
  #user = "";
  #order = Date.now() * 1_000;
  #bytes = 0;

  constructor(core: Core, outbox: Outbox) {
    this.#core = core;
    this.#outbox = outbox;
  }

  send(feed: Feed, text: string, options: SendOptions): Promise<Ack> {
    const { cid = randomId(), data, replyTo, mentions } = options;
    const bytes = bytesOf({ text, data });
    const most = this.#outbox.maxSends ?? MOST_SENDS;
    if (this.#sends.size >= most || this.#bytes + bytes > (this.#outbox.maxBytes ?? Number.POSITIVE_INFINITY)) {
      return Promise.reject(new MadangError("outbox_full", "Too much waits to be sent."));
    }
    this.#bytes += bytes;
    this.#order += 1;
    const send: QueuedSend = {
      user: this.#user,
      cid,
      room: feed.id,
      order: this.#order,
      owner: "",
      at: new Date().toISOString(),
      text,
      ...given({ data, replyTo, mentions: mentions?.length ? mentions : undefined }),
    };
    return new Promise((done, fail) => {
      this.#keep(send);
      this.#show(feed, send);
      this.#go(feed, send, { done, fail });
    });
  }

  #keep(send: QueuedSend): void {
    this.#sends.set(send.cid, send);
    if (send.user) this.#outbox.put(send).catch(() => {}); // full or not allowed: then it is in memory alone
  }

  #drop(send: QueuedSend): void {
    if (!this.#sends.delete(send.cid)) return;
    this.#bytes -= bytesOf(send);
    if (send.user || this.#user) this.#outbox.remove(send.user || this.#user, send.cid).catch(() => {});
  }

  #show(feed: Feed, send: QueuedSend, error?: MadangError): void {
    if (feed.phase === "idle") this.#core.follow(feed).catch(() => {}); // its refusal refuses the send
    feed.copy.sending(send, this.#core.user?.name ?? "", error);
    feed.changed();
  }

  #go(feed: Feed, send: QueuedSend, waiting?: Waiting): void {
    const { cid, text, data, replyTo, mentions, room } = send;
    const done = (answer: Answer) => {
      const { id, seq, ack, duplicate } = answer;
      this.#drop(send);
      feed.copy.sent(cid, id, seq, feed.seq);
      if (feed.info?.slowMs && feed.role !== "owner" && feed.role !== "moderator")
        feed.writableAt = Date.now() + feed.info.slowMs;
      feed.changed();
      waiting?.done({ id, seq, ack, ...given({ duplicate }) });
    };
    const fail = (error: MadangError) => {
      if (error.code === "muted") feed.mute(error.retryMs, error.message);
      // What ends with the client is not refused: it waits in the outbox for the next one.
      if (this.#sends.has(cid) && !this.#core.over) this.#keep({ ...send, user: this.#user, failed: error.code });
      feed.copy.failed(cid, error);
      feed.changed();
      waiting?.fail(error);
    };
    this.#core.add("send", { room, cid, text, data, reply_to: replyTo, mentions }, { room, ordered: true }, done, fail);
  }

  retry(feed: Feed, cid: string): void {
    const send = this.#sends.get(cid);
    if (!send?.failed) return;
    const { failed: _, ...again } = send;
    this.#order += 1;
    const next = { ...again, order: this.#order };
    this.#keep(next);
    this.#show(feed, next);
    this.#go(feed, next);
  }

  discard(feed: Feed, cid: string): void {
    const send = this.#sends.get(cid);
    if (!send?.failed) return;
    this.#drop(send);
    feed.copy.dropped(cid);
    feed.changed();
  }

  /** The user is known: take up what an earlier client of theirs has left. */
  async identified(user: string): Promise<void> {
    if (this.#user) return;
    this.#user = user;
    for (const send of this.#sends.values()) this.#keep({ ...send, user });
    this.#begin(await this.#outbox.load(user).catch(() => []));
    this.#outbox.adopt?.(user, (sends) => this.#adopt(sends));
    this.#core.pump();
  }

  #begin(left: readonly QueuedSend[]): void {
    const early = this.early ?? [];
    this.early = null;
    this.#adopt(left);
    for (const go of early) go();
  }

  #adopt(sends: readonly QueuedSend[]): void {
    for (const send of sends) {
      if (this.#sends.has(send.cid)) continue;
      this.#sends.set(send.cid, send);
      this.#bytes += bytesOf(send);
      const feed = this.#core.feed(send.room);
      const error = send.failed ? new MadangError(send.failed, "It was not sent.") : undefined;
      this.#show(feed, send, error);
      if (!error) this.#go(feed, send);
    }
  }

  /** Forget what is there, and what is kept. */
  async forget(): Promise<void> {
    this.#sends.clear();
    if (this.#user) await this.#outbox.clear(this.#user).catch(() => {});
  }

  /** The client is over: nobody waits for what it cannot do any more. */
  over(): void {
    this.#begin([]);
    this.#outbox.close?.();
  }
}
