// Leaving a room, asked once more.

import type { Client } from "madang";
import { navigate } from "../route";
import { forgetLastRoom } from "../session/last-room";
import { rooms } from "../session/session";
import { titleOf } from "../session/titles";
import { Confirm } from "../ui/dialog";
import { words } from "../words";
import { more } from "../words/more";
import { attempt } from "./attempt";
import { closeDialog } from "./state";

export function LeaveDialog({ client, room }: { client: Client; room: string }) {
  const t = more.value.leave;
  const { info } = client.room(room).store.getSnapshot();
  const summary = rooms.value.rooms.find((each) => each.id === room);
  const title = summary ? titleOf(summary) : (info?.title ?? room);
  const leave = async () => {
    if (!(await attempt(client.room(room).leave()))) return;
    forgetLastRoom(room);
    navigate("/", { replace: true });
  };
  return (
    <Confirm
      title={t.title(title)}
      action={t.action}
      cancel={words.value.cancel}
      onConfirm={() => void leave()}
      onClose={closeDialog}
    >
      <p>{info?.access === "invite" ? t.invite : t.open}</p>
    </Confirm>
  );
}
