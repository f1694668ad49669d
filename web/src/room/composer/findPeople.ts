// How somebody is found by what is typed of their name.

import type { People } from "../people";
import { matches } from "./hangul";
import type { FindPeople, Person } from "./PeopleList";

const SHOWN = 8;

/** Show at once who is known, then who else the server finds and who comes meanwhile. Returns how to stop that. */
export function findPeople(people: People, typed: string, show: Parameters<FindPeople>[1]): () => void {
  const found = new Map<string, Person>();
  const add = (person: Person) => {
    if (person.id !== people.me()) found.set(person.id, { ...found.get(person.id), ...person });
  };
  const look = () => {
    for (const [id, name] of people.names) if (matches(name, typed)) add({ id, name });
    const all = [...found.values()].map((person) => ({ ...person, online: people.online.has(person.id) }));
    show(all.sort((a, b) => Number(b.online) - Number(a.online)).slice(0, SHOWN));
  };
  look();
  people.looks.add(look);
  people.room.members({ prefix: typed, limit: SHOWN * 2 }).then(
    ({ items }) => {
      for (const { id, name, role } of items) add({ id, name, role });
      if (people.looks.has(look)) look();
    },
    () => undefined, // those who are known are shown
  );
  return () => people.looks.delete(look);
}
