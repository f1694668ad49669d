// Papers, in a file of its own because it needs Yjs: `import { papers } from "madang/papers"`.

import { Doc } from "yjs";
import type { ClientHandle } from "./client.js";
import type { Core } from "./core.js";
import { MadangError } from "./errors.js";
import { PaperHandle } from "./paper.js";
import type { CallOptions } from "./pending.js";
import type { NewPaper, OpenPaper, PaperInfo, Papers } from "./types/papers.js";
import type { Client, ClientState, Page, PageQuery } from "./types.js";

export type * from "./types/papers.js";

/** Return the papers of a client's rooms: documents of Yjs that many write at once. */
export function papers(client: Client): Papers {
  let desk = desks.get(client);
  if (!desk) {
    desk = new Desk(client as ClientHandle);
    desks.set(client, desk);
  }
  return desk;
}

const desks = new WeakMap<Client, Desk>();

class Desk implements Papers {
  readonly #client: ClientHandle;
  readonly #core: Core;
  readonly #open = new Map<string, PaperHandle>();
  #unlisten: (() => void) | undefined; // while papers are open

  constructor(client: ClientHandle) {
    this.#client = client;
    this.#core = client.core;
    this.#core.aside = (frame) => this.#open.get(frame.paper)?.frame(frame);
  }

  async list(room: string, query: PageQuery = {}): Promise<Page<PaperInfo>> {
    const { papers, more } = await this.#core.call("papers", { room, ...query });
    return { items: papers, more, next: papers.at(-1)?.id ?? "" };
  }

  show(id: string): Promise<PaperInfo> {
    return this.#told("paper", { paper: id });
  }

  create(room: string, { id, title }: NewPaper = {}): Promise<PaperInfo> {
    return this.#told("createpaper", { room, paper: id, title }, { again: false });
  }

  rename(id: string, title: string): Promise<PaperInfo> {
    return this.#told("changepaper", { paper: id, title });
  }

  finish(id: string): Promise<PaperInfo> {
    return this.#told("finish", { paper: id });
  }

  reopen(id: string): Promise<PaperInfo> {
    return this.#told("reopen", { paper: id });
  }

  async remove(id: string): Promise<void> {
    await this.#told("deletepaper", { paper: id }, { again: false });
  }

  async #told(op: string, fields: object, options?: CallOptions): Promise<PaperInfo> {
    return (await this.#core.call(op, fields, options)).paper;
  }

  async open(id: string, { doc }: { readonly doc?: Doc } = {}): Promise<OpenPaper> {
    if (this.#core.over) throw this.#core.over;
    let paper = this.#open.get(id);
    if (!paper) {
      const made = new PaperHandle(
        this.#core,
        id,
        doc ?? new Doc(),
        () => {
          if (this.#open.get(id) === made) this.#open.delete(id);
          if (this.#open.size) return;
          this.#unlisten?.();
          this.#unlisten = undefined;
        },
        () => this.#open.has(id),
      );
      paper = made;
      this.#open.set(id, made);
      this.#unlisten ??= this.#client.on("state", (state) => this.#changed(state));
    } else if (doc && doc !== paper.doc) throw new TypeError(`The paper ${id} is open with another document.`);
    await paper.ready;
    return paper;
  }

  #changed({ phase, final, error }: ClientState): void {
    for (const paper of [...this.#open.values()]) {
      if (final) paper.end("closed", error ?? new MadangError("closed", "The client was closed."));
      else if (phase === "disconnected") paper.lost();
    }
  }
}
