// The admin API as the page calls it, who is signed in, and what is told of what was done. The token lives as long as the tab.

import { signal } from "../ui/signals";
import { words } from "./words";

const KEY = "madang.operator";

export const token = signal<string | null>(sessionStorage.getItem(KEY));

/** What was done, or did not work, last; read aloud. */
export const notice = signal<{ text: string; bad: boolean } | null>(null);

export class Problem extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export function keepToken(fresh: string | null): void {
  token.value = fresh;
  if (fresh === null) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, fresh);
}

export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = {};
  if (token.value !== null) headers.Authorization = `Bearer ${token.value}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
  } catch {
    throw new Problem("unreachable", "");
  }
  if (response.status === 204) return undefined as T;
  const answer = await response.json().catch(() => ({ error: { code: "internal", message: String(response.status) } }));
  if (response.ok) return answer as T;
  if (answer.error.code === "bad_token") keepToken(null);
  throw new Problem(answer.error.code, answer.error.message);
}

/** Say in words what went wrong, and what to do. */
export function explain(error: unknown): string {
  if (!(error instanceof Problem)) return words.value.problem(String(error));
  return words.value.problems[error.code] ?? words.value.problem(error.message);
}

/** Do something, and tell how it went. */
export async function attempt(deed: () => Promise<unknown>, done: string): Promise<void> {
  try {
    await deed();
    notice.value = { text: done, bad: false };
  } catch (error) {
    notice.value = { text: explain(error), bad: true };
  }
}

/** The id after which a list goes on with those that begin so: ids are sorted by their characters. */
export function before(prefix: string): string {
  if (!prefix) return "";
  const last = prefix.charCodeAt(prefix.length - 1);
  return `${prefix.slice(0, -1)}${String.fromCharCode(last - 1)}~`;
}
