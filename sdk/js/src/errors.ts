// What can go wrong, as errors to catch.

/** Codes of the client's own, besides those of the protocol. */
export type ClientErrorCode =
  | "outbox_full"
  | "closed"
  | "connection_lost"
  | "unauthorised"
  | "disconnected"
  | "discarded";

/** A refusal of the server, or of the client itself: `code` is for programs, `message` for people. */
export class MadangError extends Error {
  override readonly name: string = "MadangError";
  /** A code of PROTOCOL.md, or a `ClientErrorCode`. A newer server may have others. */
  readonly code: string;
  /** When the same may be possible, in milliseconds from the refusal. */
  readonly retryMs: number | undefined;

  constructor(code: string, message: string, retryMs?: number) {
    super(message);
    this.code = code;
    this.retryMs = retryMs;
  }
}

/** Throw it in `getToken` if there is nobody signed in: the client ends instead of asking again. */
export class Unauthorised extends MadangError {
  override readonly name = "Unauthorised";

  constructor(message = "Nobody is signed in.") {
    super("unauthorised", message);
  }
}
