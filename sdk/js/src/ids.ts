// Ids that nobody can guess.

/** 32 hexadecimal digits. Not `randomUUID`, which browsers have only on pages that came by https or from the same machine. */
export function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
