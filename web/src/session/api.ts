// The few requests over REST that the page makes: what needs no connection, or comes before there is one.

import { MadangError } from "madang";

/** Ask the server, and return its answer; a refusal is thrown as the SDK throws them. */
export async function api<T>(
  method: "GET" | "POST" | "PATCH" | "DELETE",
  path: string,
  body?: unknown,
  token?: string | null,
): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: {
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new MadangError("connection_lost", "The server does not answer.");
  }
  const answer = await response.json().catch(() => null);
  if (response.ok && answer !== null) return answer as T;
  const error = answer?.error;
  throw new MadangError(error?.code ?? "internal", error?.message ?? response.statusText, error?.retry_ms);
}
