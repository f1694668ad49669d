// A message as one reads it outside of its room's list: who, when, what, and the way to it.

import type { ComponentChildren } from "preact";
import { roomPath } from "../route";
import { hueOf } from "../ui/avatar";
import { words } from "../words";
import { dateTime } from "../words/format";
import { Link } from "./link";

export interface ExcerptProps {
  room: string;
  seq: number;
  user: string;
  name: string;
  at?: string;
  text: string;
  /** The words of the way to it. */
  go: string;
  onGo?: () => void;
  /** More to do with it. */
  children?: ComponentChildren;
}

export function Excerpt({ room, seq, user, name, at, text, go, onGo, children }: ExcerptProps) {
  return (
    <li class="excerpt">
      <p class="excerpt-head">
        <bdi class="excerpt-name cut" data-hue={hueOf(user)}>
          {name || words.value.deletedUser}
        </bdi>
        {at !== undefined && <time dateTime={at}>{dateTime(new Date(at))}</time>}
      </p>
      <p class="excerpt-text" dir="auto">
        {text}
      </p>
      <div class="excerpt-ways">
        <Link to={roomPath(room, seq)} {...(onGo ? { onClick: onGo } : {})}>
          {go}
        </Link>
        {children}
      </div>
    </li>
  );
}
