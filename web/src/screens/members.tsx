// The members of a room: who is there now first, then all others, page by page; and what may be done with each.

import type { Client, Member, Role, Room, RoomSnapshot, User } from "madang";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { matches } from "../room/composer/hangul";
import { me } from "../session/session";
import { Avatar } from "../ui/avatar";
import { Button, IconButton } from "../ui/button";
import { Menu } from "../ui/menu";
import { more } from "../words/more";
import { attempt } from "./attempt";
import { memberMenu } from "./member-menu";
import { Panel } from "./panel";

const PAGE = 50;
const LONGEST = 40; // characters of a name

export function MembersPanel({ client, room, snapshot }: { client: Client; room: Room; snapshot: RoomSnapshot }) {
  const t = more.value.members;
  const [query, setQuery] = useState("");
  const [open, setOpen] = useState<User | null>(null); // whose menu; here, because rows move when people come and go
  const list = useMembers(room, snapshot, query);
  const online = useMemo(() => new Set(snapshot.online.map((user) => user.id)), [snapshot.online]);
  const roles = useMemo(() => new Map(list.members.map((member) => [member.id, member.role])), [list.members]);
  // The server has the last word on who is called so. Until it is heard, those who are known are shown.
  const isFound = ({ id, name }: User) => (list.of === query && roles.has(id)) || matches(name, query.trim());
  const here = snapshot.online.filter(isFound).sort(byName);
  const others = list.members.filter((member) => !online.has(member.id) && isFound(member)).sort(byName);

  const row = (user: User, isOnline: boolean) => (
    <MemberRow
      key={user.id}
      user={user}
      role={roles.get(user.id) ?? null}
      online={isOnline}
      open={open?.id === user.id}
      onMenu={() => setOpen(open?.id === user.id ? null : user)}
    />
  );
  return (
    <Panel title={t.title}>
      <input
        class="input panel-filter"
        type="search"
        aria-label={t.find}
        placeholder={t.find}
        dir="auto"
        onInput={(event) => setQuery(event.currentTarget.value)}
      />
      {here.length > 0 && (
        <section class="people">
          <h3>{t.online}</h3>
          <ul>{here.map((user) => row(user, true))}</ul>
        </section>
      )}
      {others.length > 0 && (
        <section class="people">
          <h3>{t.offline}</h3>
          <ul>{others.map((user) => row(user, false))}</ul>
        </section>
      )}
      {list.of === query && !list.more && here.length + others.length === 0 && <p class="hint">{t.none}</p>}
      {list.more && (
        <Button kind="quiet" onClick={list.load}>
          {more.value.more}
        </Button>
      )}
      {open && (
        <Menu
          label={t.actions(open.name)}
          items={memberMenu({ client, room, mine: snapshot.role, user: open, role: roles.get(open.id) ?? "member" })}
          anchor={() => document.getElementById(buttonId(open))}
          onClose={() => setOpen(null)}
        />
      )}
    </Panel>
  );
}

const buttonId = (user: User) => `member-${user.id}`;

interface MemberRowProps {
  user: User;
  role: Role | null;
  online: boolean;
  /** Whether their menu is open. */
  open: boolean;
  onMenu: () => void;
}

function MemberRow({ user, role, online, open, onMenu }: MemberRowProps) {
  const t = more.value.members;
  const self = user.id === me.value?.id;
  const shownRole = role === null || role === "member" ? null : more.value.room.roles[role];
  return (
    <li class="person" data-online={online ? "" : undefined}>
      <span class="person-face">
        <Avatar id={user.id} name={user.name} />
        <span class="person-dot" role="img" aria-label={online ? t.isOnline : t.isOffline} />
      </span>
      <span class="person-name grow">
        <bdi class="cut">{user.name}</bdi>
        {(shownRole !== null || self) && (
          <span class="person-role">{[self && t.you, shownRole].filter(Boolean).join(" · ")}</span>
        )}
      </span>
      {!self && (
        <IconButton
          id={buttonId(user)}
          label={t.actions(user.name)}
          icon="more"
          popup="menu"
          expanded={open}
          onClick={onMenu}
        />
      )}
    </li>
  );
}

/** All members, or those whose name begins as asked for, a page at a time; read again when somebody came, went or changed. */
function useMembers(room: Room, snapshot: RoomSnapshot, query: string) {
  const [list, setList] = useState<{ of: string | null; members: readonly Member[]; next: string | null }>(NOBODY);
  const now = useRef(list);
  now.current = list;
  const changed = useMemo(() => {
    const last = snapshot.items.findLast((item) => item.kind === "notice" && item.type.startsWith("member."));
    return last?.key ?? "";
  }, [snapshot.items]);

  useEffect(() => {
    let stale = false;
    const timer = setTimeout(async () => {
      const page = await pageOf(room, query).catch(() => null);
      if (!stale && page !== null) setList({ of: query, ...page });
    }, 150);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [room, query, changed, snapshot.phase]);

  const load = () => {
    if (list.of === null || list.next === null) return;
    void attempt(
      pageOf(room, list.of, list.next).then((page) => {
        if (now.current === list) setList({ ...list, ...page, members: [...list.members, ...page.members] });
      }),
    );
  };
  return { of: list.of, members: list.members, more: list.next !== null, load };
}

const NOBODY = { of: null, members: [], next: null };

/** Return the next page that has anybody: of a large room the server looks through a part at a time. */
async function pageOf(room: Room, query: string, after?: string) {
  const prefix = query.trim();
  if ([...prefix].length > LONGEST) return { members: [], next: null };
  for (;;) {
    const page = await room.members({ limit: PAGE, ...(prefix && { prefix }), ...(after && { after }) });
    if (page.items.length > 0 || !page.more) return { members: page.items, next: page.more ? page.next : null };
    after = page.next;
  }
}

const byName = (a: User, b: User) => a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1);
