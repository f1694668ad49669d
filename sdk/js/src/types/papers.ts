// The public types of `madang/papers`. No code.

import type { Doc } from "yjs";
import type { MadangError } from "../errors.js";
import type { Store } from "./client.js";
import type { Page, PageQuery } from "./people.js";

/** What a paper is. */
export interface PaperInfo {
  readonly id: string;
  readonly room: string;
  readonly title: string;
  /** Whether nobody writes in it any more. */
  readonly finished: boolean;
  /** Who made it. */
  readonly user: string;
  readonly at: string;
}

/** A new paper. Without an id, the server makes one that nobody can guess. */
export interface NewPaper {
  readonly id?: string;
  readonly title?: string;
}

/** What is shown of one client of a paper, such as a cursor. */
export interface Shown {
  /** The number of its document. */
  readonly client: number;
  /** Whose client it is. */
  readonly user: string;
  /** In its `user`, if there is one, `id` and `name` are the server's word. */
  readonly state: Readonly<Record<string, unknown>>;
}

/** The state of an open paper. */
export interface PaperSnapshot {
  /** As of when it was opened last. */
  readonly info: PaperInfo;
  /** Whether it is followed at this moment: false while the connection is away. */
  readonly open: boolean;
  /** Whether all that was written here is stored. */
  readonly saved: boolean;
  /** Why the server does not take what is written now: finished, muted, quota …; null while it does. */
  readonly refused: MadangError | null;
  /** Why nothing more comes: `not_found`, `not_member`, `closed` or another code; null while it may. */
  readonly ended: string | null;
  /** What others show of themselves. */
  readonly shown: readonly Shown[];
}

/** A paper that is open: a document of Yjs that is kept in step. */
export interface OpenPaper {
  readonly id: string;
  /** What others write appears in it, in transactions whose origin is this object; what you write is sent and stored. */
  readonly doc: Doc;
  readonly store: Store<PaperSnapshot>;
  /**
   * Wait until all that was written here up to now is stored. Rejected with why the server does not take it: it is kept, and tried
   * again with the next edit, the next call of this, and when the user may write again. Of a paper that has ended, rejected with why
   * (`closed` after `close()`), if not all was saved by then or the document was written in since.
   */
  saved(): Promise<void>;
  /** Show something of this client to all who have the paper open, up to 8 KiB as JSON, until it is closed; null for nothing. */
  show(state: Readonly<Record<string, unknown>> | null): void;
  /** Follow it no longer. What is not saved stays in the document alone. */
  close(): void;
}

/** The papers of rooms that the user is a member of. None of it needs a join. */
export interface Papers {
  /** A page of a room's papers, in order of their ids. */
  list(room: string, query?: PageQuery): Promise<Page<PaperInfo>>;
  /** What a paper is. Refused: `not_found`, as for all that follows. */
  show(id: string): Promise<PaperInfo>;
  /** Make one, for whoever may write in the room. Refused: `paper_exists`, `too_many`, `forbidden` … */
  create(room: string, paper?: NewPaper): Promise<PaperInfo>;
  /** Rename it (moderators). */
  rename(id: string, title: string): Promise<PaperInfo>;
  /** Let nobody write in it any more (moderators): it can be searched from then on. */
  finish(id: string): Promise<PaperInfo>;
  /** Let a finished one be written in again (moderators). */
  reopen(id: string): Promise<PaperInfo>;
  /** Delete it with all that was written in it (moderators). */
  remove(id: string): Promise<void>;
  /**
   * Follow a paper and write in it, on every connection until it is closed. One that is open already is the same object.
   *
   * `doc` is your own copy of it, if there is one: what was written and deleted in it since is written, as one update; one of more than
   * 48,000 bytes is `too_big`, as for `saved()`. Refused: `not_found`, and `too_many`: a client has 20 open.
   */
  open(id: string, options?: { readonly doc?: Doc }): Promise<OpenPaper>;
}
