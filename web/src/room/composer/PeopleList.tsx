// The people that may be meant by what is typed after "@". The focus stays in the box, which says which of them is active.

import type { Role } from "madang";
import { Avatar } from "../../ui/avatar";
import { useMore } from "../words.more";

export interface Person {
  id: string;
  name: string;
  role?: Role;
  online?: boolean;
}

/** Shows who is meant by what is typed, again whenever there are others; returns how to stop that. */
export type FindPeople = (typed: string, show: (people: readonly Person[]) => void) => () => void;

export interface PeopleListProps {
  id: string;
  people: readonly Person[];
  active: number;
  onPick: (person: Person) => void;
}

export function PeopleList({ id, people, active, onPick }: PeopleListProps) {
  const words = useMore();
  return (
    <div class="people-list" id={id} role="listbox" aria-label={words.people}>
      {people.map((person, i) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the box, which has the focus
        <div
          key={person.id}
          id={`${id}-${i}`}
          class="menu-item"
          role="option"
          tabIndex={-1}
          aria-selected={i === active}
          aria-label={person.name}
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => onPick(person)}
        >
          <Avatar id={person.id} name={person.name} />
          <bdi class="cut">{person.name}</bdi>
          <span class="people-more cut">{more(person)}</span>
        </div>
      ))}
    </div>
  );

  // Names are not unique: the role tells apart those who have one.
  function more({ role, online }: Person): string {
    const parts = [role && role !== "member" ? words[role] : "", online ? words.online : ""];
    return parts.filter(Boolean).join(" · ");
  }
}
