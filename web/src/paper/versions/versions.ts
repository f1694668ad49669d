// Versions of a paper as the server knows them, over REST.

import { api } from "../../session/api";
import { client } from "../../session/session";

export interface Version {
  version: number;
  /** `asked`: `user` has made it; `finish`, `restore`: kept by itself. */
  cause: "asked" | "finish" | "restore";
  title?: string;
  user?: string;
  at: string;
}

/** What a paper says, as far as the page shows it (docs/guides/papers.md). Other programs write papers, too. */
export type Content = Record<string, unknown>;

const of = (paper: string) => `/api/papers/${paper}/versions`;

export const versionsOf = async (paper: string) => (await ask<{ versions: Version[] }>("GET", of(paper))).versions;
export const keepVersion = (paper: string, title: string) => ask<Version>("POST", of(paper), { title });
export const contentOf = (paper: string, version: number) => ask<Content>("GET", `${of(paper)}/${version}/content`);
export const restoreVersion = (paper: string, version: number) =>
  ask<{ unchanged?: boolean }>("POST", `${of(paper)}/${version}/restore`);
export const deleteVersion = (paper: string, version: number) => ask<Version>("DELETE", `${of(paper)}/${version}`);

const ask = <T>(method: "GET" | "POST" | "DELETE", path: string, body?: unknown) =>
  api<T>(method, path, body, client.peek()?.token);

export interface OldNote {
  id: string;
  by: string;
  name: string;
  colour: number;
  text: string;
}

/** Return the notes of a rolling paper, the oldest first; null of what is none. */
export function notesOf(content: Content): OldNote[] | null {
  if (record(content.paper)?.kind !== "notes") return null;
  const found: (OldNote & { at: number })[] = [];
  for (const [id, note] of Object.entries(record(content.notes) ?? {})) {
    const { text, by, name, colour, at } = record(note) ?? {};
    if (typeof text !== "string") continue;
    found.push({
      id,
      text,
      by: String(by ?? ""),
      name: String(name ?? ""),
      colour: Number(colour) || 0,
      at: Number(at) || 0,
    });
  }
  return found.sort((one, other) => one.at - other.at || (one.id < other.id ? -1 : 1));
}

function record(value: unknown): Record<string, unknown> | null {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
}
