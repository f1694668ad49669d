// Who the user is: a guest's name the first time, then always the newest token. One question for a token at a time.

import { Unauthorised } from "./errors.js";
import type { ConnectOptions, KeyValues, TokenReason } from "./types.js";

export class Credentials {
  token: string | null;
  /** Whether the server has taken this very token. */
  accepted = false;
  readonly prefix: string;
  readonly #options: ConnectOptions;
  readonly #told: (token: string | null) => void;
  readonly #abort = new AbortController();
  #asking: Promise<string> | null = null;
  #fresh = false; // the token has just been made, so a refusal of it is final
  #reason: TokenReason = "connect";

  constructor(url: string, options: ConnectOptions, told: (token: string | null) => void) {
    this.#options = options;
    this.#told = told;
    this.prefix = `madang:${new URL(url).host}:`;
    this.token = options.token ?? (options.getToken ? null : (this.#storage?.getItem(`${this.prefix}token`) ?? null));
  }

  get #storage(): KeyValues | undefined {
    return this.#options.storage;
  }

  async hello(): Promise<object> {
    const { getToken, guest } = this.#options;
    if (this.token === null && getToken) {
      const token = await this.#ask(this.#reason);
      this.#fresh = true;
      this.accepted = this.token === token;
      this.token = token;
    }
    if (this.token !== null) return { token: this.token };
    if (guest !== undefined) return { guest };
    throw new Unauthorised();
  }

  /** The token to go on with while the connection lives. */
  async refresh(): Promise<string> {
    return this.#options.getToken ? this.#ask("expiring") : (this.token ?? "");
  }

  #ask(reason: TokenReason): Promise<string> {
    const { getToken } = this.#options;
    if (!getToken) return Promise.reject(new Unauthorised());
    this.#asking ??= (async () => getToken({ reason, signal: this.#abort.signal }))().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  /** The server took the token, and gave this one to come back with. */
  keep(token: string | undefined): void {
    this.#fresh = false;
    this.accepted = true;
    if (token === undefined) return;
    if (!this.#options.getToken) this.#store("token", token);
    if (token === this.token) return;
    this.token = token;
    this.#told(token);
  }

  /** The token was refused, or has ended: whether there may be another. */
  renew(): boolean {
    if (!this.#options.getToken || this.#fresh) return false;
    this.token = null;
    this.#reason = "refused";
    return true;
  }

  /** It is over; `refused` if by the token, which is then of no use. */
  end(refused: boolean): void {
    this.#abort.abort();
    if (refused) this.forget();
  }

  forget(): void {
    if (this.token === null) return;
    this.token = null;
    this.#store("token", null);
    this.#told(null);
  }

  #store(name: string, value: string | null): void {
    try {
      if (value === null) this.#storage?.removeItem(this.prefix + name);
      else this.#storage?.setItem(this.prefix + name, value);
    } catch {
      // full, or not allowed: then it is kept in memory alone
    }
  }

  /** Drop everything in the storage that is this user's. */
  forgetKeys(user: string): void {
    const storage = this.#storage;
    if (!storage) return;
    const keys = Array.from({ length: storage.length }, (_, i) => storage.key(i) ?? "");
    for (const key of keys) if (key.startsWith(`${this.prefix}${user}:`)) storage.removeItem(key);
  }
}
