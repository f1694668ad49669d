// The SDK without IndexedDB: `import { connect } from "madang/core"`. What waits to be sent is in memory, or in an outbox of your own.

export { connect } from "./client.js";
export type { ErrorCode } from "./codes.js";
export { type ClientErrorCode, MadangError, Unauthorised } from "./errors.js";
export { memoryOutbox } from "./sends.js";
export type * from "./types.js";
