// What several notices in a row say in one line: "Bora and 14 others joined · Mina left". Comes with the extras.

import type { Notice } from "madang";
import { useSpeech } from "../words";
import { type MoreWords, useMore } from "../words.more";
import { useActions } from "./actions";

type Kind = keyof MoreWords["notice"];

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

export function Notices({ notices }: { notices: readonly Notice[] }) {
  const { deletedUser } = useSpeech().words;
  const { notice } = useMore();
  const { nameOf } = useActions();
  return <>{sayNotices(notice, notices, (user, name) => name || nameOf(user) || deletedUser)}</>;
}

/** Return the line. `nameOf` knows users that a notice names by their id only. */
export function sayNotices(
  say: MoreWords["notice"],
  notices: readonly Notice[],
  nameOf: (user: string, name: string | undefined) => string,
): string {
  const groups = new Map<Kind, Map<string, string>>();
  for (const notice of notices) {
    const kind = kindOf(notice);
    if (!kind) continue;
    const people = groups.get(kind) ?? new Map<string, string>();
    groups.set(kind, people);
    const { member, memberName, user, name } = notice;
    if (member) people.set(member, nameOf(member, memberName));
    else people.set(user, nameOf(user, name));
  }
  const said = [...groups].map(([kind, people]) => {
    const names = [...people.values()];
    const shown = names.length === SHOWN + 1 ? names : names.slice(0, SHOWN);
    return say[kind](shown, names.length - shown.length);
  });
  return said.join(" · ");
}
