// Mute, ban and remove: asked once more, by name, with what follows from it; how long and why, where that can be said.

import type { Client, Sanction, User } from "madang";
import { useId } from "preact/hooks";
import { Button } from "../ui/button";
import { Confirm, Dialog } from "../ui/dialog";
import { words } from "../words";
import { duration } from "../words/format";
import { more } from "../words/more";
import { attempt } from "./attempt";
import { closeDialog } from "./state";

const HOUR = 3_600_000;
const LENGTHS = [HOUR / 6, HOUR, 24 * HOUR, 7 * 24 * HOUR, 30 * 24 * HOUR];

interface Props {
  client: Client;
  room: string;
  user: User;
}

export function RemoveDialog({ client, room, user }: Props) {
  const t = more.value.members;
  return (
    <Confirm
      title={t.removeTitle(user.name)}
      action={t.removeAction}
      cancel={words.value.cancel}
      onConfirm={() => void attempt(client.room(room).kick(user.id), t.done)}
      onClose={closeDialog}
    >
      <p>{t.removeBody(user.name)}</p>
    </Confirm>
  );
}

export function RoleDialog({ client, room, user }: Props) {
  const t = more.value.members;
  return (
    <Confirm
      title={t.roleTitle(user.name, more.value.room.roles.owner)}
      action={t.makeOwner}
      cancel={words.value.cancel}
      onConfirm={() => void attempt(client.room(room).setRole(user.id, "owner"), t.done)}
      onClose={closeDialog}
    >
      <p>{t.ownerBody}</p>
    </Confirm>
  );
}

export function SanctionDialog({ client, room, user, kind }: Props & { kind: "ban" | "mute" }) {
  const t = more.value.members;
  const id = useId();
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const values = new FormData(event.currentTarget as HTMLFormElement);
    const reason = String(values.get("reason") ?? "").trim();
    const forMs = Number(values.get("for"));
    const sanction: Sanction = { ...(reason ? { reason } : {}), ...(forMs ? { forMs } : {}) };
    const target = client.room(room);
    closeDialog();
    void attempt(kind === "ban" ? target.ban(user.id, sanction) : target.mute(user.id, sanction), t.done);
  };
  return (
    <Dialog
      title={kind === "ban" ? t.banTitle(user.name) : t.muteTitle(user.name)}
      closeLabel={words.value.close}
      role="alertdialog"
      onClose={closeDialog}
    >
      <p>{kind === "ban" ? t.banBody(user.name) : t.muteBody(user.name)}</p>
      <form class="form" onSubmit={submit}>
        <div class="field">
          <label for={`${id}-for`}>{t.howLong}</label>
          <select id={`${id}-for`} class="input" name="for">
            {LENGTHS.map((length) => (
              <option key={length} value={length} selected={length === 24 * HOUR}>
                {duration(length)}
              </option>
            ))}
            <option value="0">{t.always}</option>
          </select>
        </div>
        <div class="field">
          <label for={`${id}-why`}>{t.reason}</label>
          <input id={`${id}-why`} class="input" name="reason" maxLength={200} dir="auto" autocomplete="off" />
        </div>
        <div class="dialog-actions">
          <Button onClick={closeDialog}>{words.value.cancel}</Button>
          <Button kind="danger" type="submit">
            {kind === "ban" ? t.banAction : t.muteAction}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
