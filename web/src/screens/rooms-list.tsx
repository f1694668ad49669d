// The user's rooms, with what is unread in each; and the ways to others.

import type { Client, RoomSummary } from "madang";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { loadDraft, onDrafts } from "../room/composer/drafts";
import { roomPath, route } from "../route";
import { muted } from "../session/muted";
import { me, rooms } from "../session/session";
import { iconOf, titleOf } from "../session/titles";
import { Avatar } from "../ui/avatar";
import { Button, IconButton } from "../ui/button";
import { Icon } from "../ui/icon";
import { words } from "../words";
import { badge } from "../words/format";
import { Link } from "./link";
import { held, ordered } from "./rooms-order";
import { openDialog } from "./state";

type Finds = (text: string, query: string) => boolean;

const FILTER_FROM = 10;

/** `heading`: the list is the whole screen. */
export function RoomsList({ client, heading }: { client: Client; heading?: boolean }) {
  const t = words.value.rooms;
  const [query, setQuery] = useState("");
  const [finds, setFinds] = useState<Finds>(() => () => true); // comes when somebody wants to type
  const order = useRef<readonly string[] | null>(null); // while somebody points at the list
  const all = useMemo(() => ordered(rooms.value.rooms, muted.value), [rooms.value.rooms, muted.value]);
  useDrafts();
  const load = () =>
    import("../words/korean").then(
      (it) => setFinds(() => it.finds),
      () => undefined, // offline: all rooms are shown
    );

  const shown = order.current === null ? all : held(all, order.current);
  const found = shown.filter((room) => finds(titleOf(room), query));
  return (
    <nav class="side" aria-label={t.nav}>
      <div class="side-head">
        {heading ? <h1 class="brand">{words.value.app}</h1> : <span class="brand">{words.value.app}</span>}
        <IconButton label={t.find} icon="findRoom" popup="dialog" onClick={() => openDialog({ kind: "find" })} />
      </div>
      {rooms.value.rooms.length >= FILTER_FROM && (
        <div class="side-filter">
          <input
            class="input"
            type="search"
            aria-label={t.filter}
            placeholder={t.filter}
            onFocus={load}
            onInput={(event) => setQuery(event.currentTarget.value)}
          />
        </div>
      )}
      <ul
        class="rooms"
        onPointerEnter={() => {
          order.current = shown.map((room) => room.id);
        }}
        onPointerLeave={() => {
          order.current = null;
        }}
      >
        {found.map((room) => (
          <li key={room.id}>
            <RoomLink client={client} room={room} />
          </li>
        ))}
        {rooms.value.phase === "live" && rooms.value.rooms.length === 0 && <li class="hint">{t.none}</li>}
        {rooms.value.rooms.length > 0 && found.length === 0 && <li class="hint">{t.noMatch(query)}</li>}
      </ul>
      <div class="side-more">
        <Button kind="quiet" icon="add" onClick={() => openDialog({ kind: "create" })}>
          {t.create}
        </Button>
        <Button kind="quiet" icon="key" onClick={() => openDialog({ kind: "code" })}>
          {t.joinCode}
        </Button>
      </div>
      <div class="side-foot">
        {me.value && <Avatar id={me.value.id} name={me.value.name} />}
        <bdi class="cut grow">{me.value?.name}</bdi>
        <IconButton
          label={t.settings}
          icon="settings"
          popup="dialog"
          onClick={() => openDialog({ kind: "settings" })}
        />
      </div>
    </nav>
  );
}

function RoomLink({ client, room }: { client: Client; room: RoomSummary }) {
  const t = words.value.rooms;
  const title = titleOf(room);
  const quiet = muted.value.has(room.id);
  const current = route.value.room === room.id;
  const draft = !current && loadDraft(client.storageKey(`draft.${room.id}`)) !== null;
  const notes = [room.archived && t.archived, quiet && t.muted, draft && t.draft].filter(Boolean);
  // What is shown beside the title is in its name in other words, so it needs no text of its own.
  return (
    <Link
      to={roomPath(room.id)}
      class="room-link"
      label={t.item(title, room.mentions, room.unread)}
      description={notes.join(", ") || undefined}
      current={current}
      unread={room.unread > 0 && !quiet}
      muted={quiet || room.archived}
    >
      <Icon name={iconOf(room)} />
      <bdi class="cut grow">{title}</bdi>
      {draft && <span class="room-note" data-text={t.draft} />}
      {quiet && <Icon name="bellOff" />}
      {room.mentions > 0 ? (
        <span class="badge" data-text={badge(room.mentions)} />
      ) : (
        room.unread > 0 && <span class="badge" data-kind={quiet ? "muted" : "quiet"} data-text={badge(room.unread)} />
      )}
    </Link>
  );
}

function useDrafts(): void {
  const [, again] = useState(0);
  useEffect(() => {
    const end = onDrafts(() => again((n) => n + 1));
    return () => {
      end();
    };
  }, []);
}
