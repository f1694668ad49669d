// Who is banned from a room, and who is muted there; and how to lift it.

import type { Client, Page, Room } from "madang";
import { useEffect, useState } from "preact/hooks";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { words } from "../words";
import { fromNow } from "../words/format";
import { more } from "../words/more";
import { attempt } from "./attempt";
import { closeDialog } from "./state";

interface Held {
  user: string;
  name?: string;
  reason?: string;
  expires_ms?: number;
}

const PAGE = 50;

export function BansDialog({ client, room: id }: { client: Client; room: string }) {
  const t = more.value.members;
  const room = client.room(id);
  return (
    <Dialog title={more.value.menu.bans} closeLabel={words.value.close} onClose={closeDialog}>
      <HeldList room={room} kind="bans" title={t.banned} none={t.noBans} lift={t.unban} />
      <HeldList room={room} kind="mutes" title={t.muted} none={t.noMutes} lift={t.unmute} />
    </Dialog>
  );
}

interface HeldListProps {
  room: Room;
  kind: "bans" | "mutes";
  title: string;
  none: string;
  lift: string;
}

function HeldList({ room, kind, title, none, lift }: HeldListProps) {
  const [page, setPage] = useState<Page<Held> | null>(null);
  const load = (after: string) =>
    void attempt(
      room.request(kind, { after, limit: PAGE }).then((answer) => {
        const items: Held[] = answer[kind];
        const next = items.at(-1)?.user ?? "";
        setPage((before) => ({ items: [...(before?.items ?? []), ...items], more: answer.more, next }));
      }),
    );
  useEffect(() => load(""), [room, kind]);

  const free = async (user: string) => {
    if (!(await attempt(kind === "bans" ? room.unban(user) : room.unmute(user), more.value.members.done))) return;
    setPage((before) => before && { ...before, items: before.items.filter((each) => each.user !== user) });
  };
  return (
    <section class="lines">
      <h3>{title}</h3>
      {page?.items.length === 0 && <p class="hint">{none}</p>}
      <ul>
        {page?.items.map((each) => (
          <li key={each.user} class="line">
            <span class="grow">
              <bdi class="line-name">{each.name || each.user}</bdi>
              <span class="hint" dir="auto">
                {[each.reason, each.expires_ms !== undefined && more.value.members.ends(fromNow(each.expires_ms))]
                  .filter(Boolean)
                  .join(" · ")}
              </span>
            </span>
            <Button onClick={() => void free(each.user)}>{lift}</Button>
          </li>
        ))}
      </ul>
      {page?.more && (
        <Button kind="quiet" onClick={() => load(page.next)}>
          {more.value.more}
        </Button>
      )}
    </section>
  );
}
