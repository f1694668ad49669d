// The connections of all elements of a page: one for each server and reader, however many elements there are.

import { type Client, type ConnectOptions, connect } from "madang";

interface Shared {
  client: Client;
  uses: number;
  timer?: ReturnType<typeof setTimeout>;
}

type GetToken = NonNullable<ConnectOptions["getToken"]>;
const guests = new Map<string, Shared>();
const users = new WeakMap<GetToken, Map<string, Shared>>();

function storage(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined; // the page may not keep anything
  }
}

/** A client that is shared by all who asked for the same one, and what gives it back. */
export interface Lease {
  client: Client;
  end(): void;
}

/** Return the client of a server's guest, or of the user whom `getToken` names.
 *
 * @param name of a guest who is not known yet; without one there may be nobody: see `client.token`.
 */
export function lease(server: string, getToken: GetToken | undefined, name: string | null): Lease {
  let all = guests;
  if (getToken) {
    all = users.get(getToken) ?? new Map();
    users.set(getToken, all);
  }
  let shared = all.get(server);
  if (shared?.client.state.final) shared = undefined; // it ended: whoever comes now signs in again
  if (shared && !getToken && name !== null && shared.client.token === null && shared.uses === 0) shared = undefined;
  if (!shared) {
    const kept = storage();
    const who = getToken
      ? { getToken }
      : { ...(name === null ? {} : { guest: name }), ...(kept ? { storage: kept } : {}) };
    shared = { client: connect(server, who), uses: 0 };
    all.set(server, shared);
  }
  const held = shared;
  held.uses++;
  clearTimeout(held.timer);
  let ended = false;
  return {
    client: held.client,
    end() {
      if (ended) return;
      ended = true;
      held.uses--;
      // An element that is moved in the page is removed and comes again at once.
      if (held.uses === 0) {
        held.timer = setTimeout(() => {
          if (all.get(server) === held) all.delete(server);
          held.client.close();
        });
      }
    },
  };
}
