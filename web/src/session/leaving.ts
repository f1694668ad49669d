// Signing out.

import { storage } from "./kept";
import { client, leave, SIGNED_OUT, sweep } from "./session";

/** Sign out, and have nothing of the user left on this device. */
export async function signOut(): Promise<void> {
  const prefix = client.value?.storageKey("") ?? "";
  await leave(true);
  storage?.setItem(SIGNED_OUT, prefix); // other tabs hear of it
  setTimeout(sweep); // when the room that was shown has gone
}
