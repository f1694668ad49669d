// What a client does about error and close codes. Made by `scripts/generate` from protocol/codes.toml: edit that file.

/** The error codes of the protocol. */
export type ErrorCode =
  | "bad_json"
  | "bad_field"
  | "bad_text"
  | "bad_words"
  | "bad_name"
  | "empty"
  | "too_big"
  | "unknown_op"
  | "hello_first"
  | "hello_twice"
  | "bad_version"
  | "bad_token"
  | "wrong_password"
  | "bad_password"
  | "login_taken"
  | "no_guests"
  | "forbidden"
  | "no_scope"
  | "not_found"
  | "not_member"
  | "gone"
  | "room_exists"
  | "paper_exists"
  | "finished"
  | "conflict"
  | "last_owner"
  | "too_many"
  | "rate_limited"
  | "kicked"
  | "banned"
  | "muted"
  | "archived"
  | "slow_mode"
  | "quota"
  | "overloaded"
  | "draining"
  | "storage_full"
  | "storage_failed"
  | "not_allowed"
  | "not_websocket"
  | "bad_http"
  | "wrong_host"
  | "bad_type"
  | "head_too_big"
  | "internal";

/** What is done about an error: see PROTOCOL.md, "What to do about a refusal". */
export type Then = "tell" | "hello" | "join" | "wait" | "reconnect" | "try";

/** What a client does about a code: of one that is not here, "wait" if the error has a `retry_ms`, and else "tell". */
export const ERRORS: Readonly<Record<string, Then>> = {
  hello_first: "hello",
  not_member: "join",
  rate_limited: "wait",
  kicked: "tell",
  banned: "tell",
  muted: "tell",
  slow_mode: "wait",
  quota: "tell",
  overloaded: "wait",
  draining: "reconnect",
  storage_full: "wait",
  storage_failed: "wait",
  internal: "try",
};

/** Whether to connect again after a close; after one that is not listed: yes. */
export const CLOSES: Readonly<Record<number, "later" | "never">> = {
  1000: "never",
  1002: "never",
  1003: "never",
  1007: "never",
  1008: "never",
  1009: "never",
  1011: "later",
  1013: "later",
  4400: "never",
  4401: "never",
  4404: "never",
  4408: "later",
  4410: "never",
  4411: "never",
  4412: "never",
  4413: "never",
  4429: "later",
};
