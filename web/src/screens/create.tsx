// A new room, in one step: its title, and who may come in. Then the link to pass on, over the room that is open already.

import type { Client } from "madang";
import { MadangError } from "madang";
import { useState } from "preact/hooks";
import { navigate, roomPath } from "../route";
import { explain } from "../session/explain";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { words } from "../words";
import { more } from "../words/more";
import { Choices } from "./choices";
import { Field } from "./field";
import { idFrom } from "./room-id";
import { closeDialog, openDialog } from "./state";

type Access = "open" | "unlisted" | "invite";

export function CreateDialog({ client }: { client: Client }) {
  const t = more.value.create;
  const [problem, setProblem] = useState<string | null>(null);
  const [access, setAccess] = useState<Access>("open");
  const [busy, setBusy] = useState(false);

  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const title = String(new FormData(event.currentTarget as HTMLFormElement).get("title") ?? "").trim();
    setBusy(true);
    setProblem(null);
    try {
      const room = await make(client, title, access);
      navigate(roomPath(room));
      openDialog({ kind: "invite", room, made: true });
    } catch (error) {
      setBusy(false);
      setProblem(explain(error));
    }
  }

  return (
    <Dialog title={t.title} closeLabel={words.value.close} onClose={closeDialog}>
      <form class="form" onSubmit={submit}>
        <Field name="title" label={t.name} problem={problem} autofocus maxLength={40} />
        <Choices
          label={t.access}
          value={access}
          options={[
            ["open", t.open],
            ["unlisted", t.unlisted],
            ["invite", t.invite],
          ]}
          onPick={setAccess}
          stacked
        />
        <div class="dialog-actions">
          <Button onClick={closeDialog}>{words.value.cancel}</Button>
          <Button kind="primary" type="submit" disabled={busy}>
            {t.make}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Make a room, under an id that can be read where the title makes one, and return the id. */
async function make(client: Client, title: string, access: Access): Promise<string> {
  const id = access === "open" ? idFrom(title) : null; // who may come by the id alone shall not guess it
  if (id !== null)
    for (const tried of [id, `${id}-${Math.floor(Math.random() * 9000 + 1000)}`]) {
      try {
        return (await client.createRoom({ id: tried, title, access })).id;
      } catch (error) {
        if (!(error instanceof MadangError && error.code === "room_exists")) throw error;
      }
    }
  return (await client.createRoom({ title, access })).id;
}
