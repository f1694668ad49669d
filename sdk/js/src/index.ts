// The public names of the SDK, with an outbox that outlives the page. Nothing happens when this module is imported.

import { connect as connectWith, endpoint } from "./client.js";
import { indexedDBOutbox } from "./outbox.js";
import type { Client, ConnectOptions } from "./types.js";

export type { ErrorCode } from "./codes.js";
export { type ClientErrorCode, MadangError, Unauthorised } from "./errors.js";
export { indexedDBOutbox } from "./outbox.js";
export { memoryOutbox } from "./sends.js";
export type * from "./types.js";

export const VERSION = "0.1.0";

/**
 * Return a client of a server, for one user. It connects when somebody uses it: subscribes, joins, or asks something.
 *
 * What is sent is kept until the server has it: in browsers in IndexedDB, so that it outlives the page, elsewhere in memory.
 *
 * @param url - where the server is: `https://chat.example`, or with the path of its WebSocket.
 */
export function connect(url: string, options: ConnectOptions = {}): Client {
  const outbox = options.outbox ?? indexedDBOutbox(endpoint(url));
  return connectWith(url, { ...options, ...(outbox && { outbox }) });
}
