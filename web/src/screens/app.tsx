// The page: who is not signed in sees the door, everybody else the yard. Each is a file of its own; the yard comes while somebody types
// their name at the door.

import { client } from "../session/session";
import { later } from "../ui/later";

const loadDoor = async () => {
  const asked = fetch("/api/server").then((answer) => answer.json()); // beside the door's own file
  asked.catch(() => undefined);
  const { SignIn, askedWhoMayEnter } = await import("./sign-in");
  askedWhoMayEnter(asked);
  return SignIn;
};
const loadYard = () => import("./yard").then((it) => it.Yard);

const Door = later(loadDoor);
const Yard = later(loadYard);

/** Load what is shown first. */
export const load = (): Promise<unknown> => (client.value ? loadYard() : loadDoor());

/** Load the yard, too, while somebody is at the door. */
export const loadMore = (): Promise<unknown> => loadYard();

export function App() {
  return client.value ? <Yard client={client.value} /> : <Door />;
}
