// Refusals in words: what happened and what to do, never a code alone.

import { MadangError } from "madang";
import { door } from "../words/door";
import { fromNow } from "../words/format";

const TIMED = new Set(["quota", "kicked", "banned", "muted", "rate_limited", "slow_mode"]);

export function explain(error: unknown): string {
  const { errors } = door.value;
  if (!(error instanceof MadangError)) return `${errors.unknown} ${errors.again}`;
  if (error.code === "connection_lost" || error.code === "disconnected") return errors.offline;
  const text = errors.codes[error.code] ?? `${errors.unknown} ${error.message}`;
  const later = error.retryMs !== undefined && error.retryMs > 60_000 && TIMED.has(error.code);
  return later ? `${text} (${fromNow(error.retryMs ?? 0)})` : text;
}
