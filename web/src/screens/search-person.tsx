// Whose messages are searched for: found by name, among the members of this room and those whose messages were found.

import type { Member, Room, User } from "madang";
import { useId, useRef, useState } from "preact/hooks";
import { matches } from "../room/composer/hangul";
import { me } from "../session/session";
import { Avatar } from "../ui/avatar";
import { IconButton } from "../ui/button";
import { more } from "../words/more";
import type { Found } from "./search-state";

const SHOWN = 8;

type Person = User & Partial<Pick<Member, "role">>;

interface PersonFieldProps {
  room: Room;
  found: Found | null;
  /** Who is chosen, if anybody is. */
  chosen: User | null;
  onPick: (person: User | null) => void;
}

export function PersonField({ room, found, chosen, onPick }: PersonFieldProps) {
  const t = more.value.search;
  const id = useId();
  const [people, setPeople] = useState<readonly Person[]>([]);
  const asked = useRef("");

  const find = (typed: string) => {
    const name = typed.trim();
    asked.current = name;
    if (name === "") {
      setPeople([]);
      return;
    }
    const known = new Map<string, Person>();
    for (const { user, name: full } of found?.messages ?? [])
      if (full && matches(full, name)) known.set(user, { id: user, name: full });
    const show = () => setPeople([...known.values()].slice(0, SHOWN));
    show();
    room.members({ prefix: name, limit: SHOWN }).then(
      ({ items }) => {
        if (asked.current !== name) return; // something else is typed by now
        for (const member of items) known.set(member.id, member);
        show();
      },
      () => undefined, // those who are known are shown
    );
  };
  const pick = (person: User | null) => {
    asked.current = "";
    setPeople([]);
    onPick(person);
  };
  // Names are not unique: the role tells apart those who have one, and else the end of their id.
  const apart = ({ id, name, role }: Person) => {
    if (id === me.value?.id) return more.value.members.you;
    if (role && role !== "member") return more.value.room.roles[role];
    return people.some((other) => other.name === name && other.id !== id) ? id.slice(-4) : "";
  };
  if (chosen) {
    return (
      <fieldset class="field" aria-label={t.by}>
        <span class="label">{t.by}</span>
        <span class="by">
          <Avatar id={chosen.id} name={chosen.name} />
          <bdi class="cut grow">{chosen.name}</bdi>
          <IconButton label={t.anybody} icon="close" onClick={() => pick(null)} />
        </span>
      </fieldset>
    );
  }
  return (
    <div class="field">
      <label for={id}>{t.by}</label>
      <input
        id={id}
        class="input"
        dir="auto"
        autocomplete="off"
        placeholder={t.anybody}
        onInput={(event) => find(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.isComposing) return;
          event.preventDefault(); // the first of them, not the search
          if (people[0]) pick(people[0]);
        }}
      />
      {people.map((person) => (
        <button key={person.id} type="button" class="menu-item" onClick={() => pick(person)}>
          <Avatar id={person.id} name={person.name} />
          <bdi class="cut grow">{person.name}</bdi>
          <span class="hint">{apart(person)}</span>
        </button>
      ))}
    </div>
  );
}
