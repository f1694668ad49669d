// Papers as the server knows them, over REST. What is written in one is its document's.

import { api } from "../session/api";
import { client } from "../session/session";

export interface PaperInfo {
  id: string;
  room: string;
  title: string;
  finished: boolean;
}

export type Kind = "notes" | "text";

export const paperPath = (room: string, paper: string) => `/r/${room}/p/${paper}`;

/** What papers shall be that were made here, until they are opened: their documents say it from then on. */
const wanted = new Map<string, Kind>();

/** Return what a paper was made for by this page, once. */
export function takeKind(paper: string): Kind | undefined {
  const kind = wanted.get(paper);
  wanted.delete(paper);
  return kind;
}

export async function makePaper(room: string, title: string, kind: Kind): Promise<PaperInfo> {
  const made = await ask<PaperInfo>("POST", `/api/rooms/${room}/papers`, { title });
  wanted.set(made.id, kind);
  return made;
}

/** Return all papers of a room: it has at most 200. */
export async function papersOf(room: string): Promise<PaperInfo[]> {
  const path = `/api/rooms/${room}/papers?limit=200`;
  return (await ask<{ papers: PaperInfo[] }>("GET", path)).papers;
}

export const readPaper = (id: string) => ask<PaperInfo>("GET", `/api/papers/${id}`);
export const renamePaper = (id: string, title: string) => ask<PaperInfo>("PATCH", `/api/papers/${id}`, { title });
export const finishPaper = (id: string) => ask<PaperInfo>("POST", `/api/papers/${id}/finish`);
export const reopenPaper = (id: string) => ask<PaperInfo>("POST", `/api/papers/${id}/reopen`);
export const deletePaper = (id: string) => ask<PaperInfo>("DELETE", `/api/papers/${id}`);

const ask = <T>(method: "GET" | "POST" | "PATCH" | "DELETE", path: string, body?: unknown) =>
  api<T>(method, path, body, client.peek()?.token);
