// What several notices in a row say in one line: "Bora and 14 others joined · Mina left".

import type { Notice } from "madang";
import type { Words } from "../words";

type Kind = keyof Words["notice"];

function kindOf({ type, banned }: Notice): Kind | null {
  switch (type) {
    case "member.joined":
      return "joined";
    case "member.left":
      return "left";
    case "member.kicked":
      return banned ? "banned" : "kicked";
    case "member.muted":
      return "muted";
    case "member.unmuted":
      return "unmuted";
    case "member.role":
      return "role";
    case "room.created":
      return "created";
    case "room.changed":
      return "changed";
    default:
      return null;
  }
}

const SHOWN = 2; // names, before the others are counted

/** Return the line. `nameOf` knows users that a notice names by their id only. */
export function sayNotices(words: Words, notices: readonly Notice[], nameOf: (user: string) => string): string {
  const groups = new Map<Kind, Map<string, string>>();
  for (const notice of notices) {
    const kind = kindOf(notice);
    if (!kind) continue;
    const people = groups.get(kind) ?? new Map<string, string>();
    groups.set(kind, people);
    if (notice.member) people.set(notice.member, notice.memberName || nameOf(notice.member) || words.deletedUser);
    else people.set(notice.user, notice.name || words.deletedUser);
  }
  const said = [...groups].map(([kind, people]) => {
    const names = [...people.values()];
    const shown = names.length === SHOWN + 1 ? names : names.slice(0, SHOWN);
    return words.notice[kind](shown, names.length - shown.length);
  });
  return said.join(" · ");
}
