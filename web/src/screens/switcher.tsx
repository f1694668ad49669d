// To a room by its name, from anywhere: the user's own first, then those that are open to everybody.

import type { Client } from "madang";
import { useEffect, useState } from "preact/hooks";
import { navigate, roomPath } from "../route";
import { api } from "../session/api";
import { muted } from "../session/muted";
import { rooms } from "../session/session";
import { iconOf, titleOf } from "../session/titles";
import { Combobox } from "../ui/combobox";
import { Dialog } from "../ui/dialog";
import { Icon, type IconName } from "../ui/icon";
import { words } from "../words";
import { badge } from "../words/format";
import { finds } from "../words/korean";
import { ordered } from "./rooms-order";
import { closeDialog } from "./state";

interface Found {
  id: string;
  title: string;
  mine: boolean;
  unread: number;
  icon: IconName;
}

const SHOWN = 30;

export function Switcher({ client }: { client: Client }) {
  const t = words.value.rooms;
  const open = useOpenRooms(client);
  const mine = ordered(rooms.value.rooms, muted.value).map(
    (room): Found => ({ id: room.id, title: titleOf(room), mine: true, unread: room.unread, icon: iconOf(room) }),
  );
  const known = new Set(mine.map((room) => room.id));
  const all = [...mine, ...open.filter((room) => !known.has(room.id))];
  return (
    <Dialog title={t.find} closeLabel={words.value.close} onClose={closeDialog} class="switcher">
      <Combobox
        label={t.find}
        find={(query) => all.filter((room) => finds(room.title, query) || finds(room.id, query)).slice(0, SHOWN)}
        keyOf={(room) => room.id}
        show={(room) => (
          <>
            <Icon name={room.icon} />
            <bdi class="cut grow">{room.title}</bdi>
            {!room.mine && <span class="hint">{t.isOpen}</span>}
            {room.unread > 0 && <span class="badge">{badge(room.unread)}</span>}
          </>
        )}
        onPick={(room) => {
          closeDialog();
          navigate(roomPath(room.id));
        }}
        nothing={t.nothing}
      />
    </Dialog>
  );
}

function useOpenRooms(client: Client): readonly Found[] {
  const [found, setFound] = useState<readonly Found[]>([]);
  useEffect(() => {
    let stale = false;
    api<{ rooms: { id: string; title: string }[] }>("GET", "/api/rooms?limit=200", undefined, client.token).then(
      (page) => {
        if (!stale) setFound(page.rooms.map(({ id, title }) => ({ id, title, mine: false, unread: 0, icon: "hash" })));
      },
      () => undefined, // the user's own are shown
    );
    return () => {
      stale = true;
    };
  }, [client]);
  return found;
}
