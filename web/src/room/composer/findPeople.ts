// How somebody is found by what is typed of their name.

import type { People } from "../people";
import { matches } from "./hangul";
import type { FindPeople, Person } from "./PeopleList";

const SHOWN = 8;

/** Show at once who is known, and then who else the server finds. */
export function findPeople(people: People, typed: string, show: Parameters<FindPeople>[1]): void {
  const found = new Map<string, Person>();
  const add = (person: Person) => {
    if (person.id !== people.me()) found.set(person.id, { ...found.get(person.id), ...person });
  };
  const sorted = () =>
    [...found.values()].sort((a, b) => Number(b.online ?? false) - Number(a.online ?? false)).slice(0, SHOWN);
  for (const [id, name] of people.names) if (matches(name, typed)) add({ id, name, online: people.online.has(id) });
  show(sorted());
  people.room.members({ prefix: typed, limit: SHOWN * 2 }).then(
    ({ items }) => {
      for (const { id, name, role } of items) add({ id, name, role, online: people.online.has(id) });
      show(sorted());
    },
    () => undefined, // those who are known are shown
  );
}
