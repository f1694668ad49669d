// Ways in: a name, an account. They come with the door.

import { type Client, MadangError } from "madang";
import { api } from "./api";
import { adopt, open } from "./session";

/** Come in under a name, without an account. */
export const enter = (name: string): Promise<void> => begin(open({ guest: name }));

/** Sign in to an account. */
export async function signIn(login: string, password: string): Promise<void> {
  const { token } = await api<{ token: string }>("POST", "/api/sessions", { login, password });
  await begin(open({ token }));
}

/** Make an account, and sign in to it. */
export async function signUp(login: string, name: string, password: string): Promise<void> {
  const { token } = await api<{ token: string }>("POST", "/api/accounts", { login, name, password });
  await begin(open({ token }));
}

/** Wait for the server to take in the user of `fresh`, who is then signed in. */
function begin(fresh: Client): Promise<void> {
  return new Promise((resolve, reject) => {
    const unsubscribe = fresh.rooms.subscribe(() => undefined); // a client connects when it is used
    const offs = [
      fresh.on("user", () => {
        done();
        adopt(fresh);
        unsubscribe();
        resolve();
      }),
      fresh.on("state", (state) => {
        if (!state.final && state.phase !== "disconnected") return;
        done();
        unsubscribe();
        void fresh.close({ forget: true });
        reject(state.error ?? new MadangError("connection_lost", "The server does not answer."));
      }),
    ];
    const done = () => {
      for (const off of offs) off();
    };
  });
}
