// Into a room by what somebody passed on: a code, a link, or the room's id.

import { useState } from "preact/hooks";
import { readCode } from "../codes";
import { navigate, rememberInvite, roomPath } from "../route";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { words } from "../words";
import { more } from "../words/more";
import { Field } from "./field";
import { closeDialog } from "./state";

export function CodeDialog() {
  const t = more.value.code;
  const [problem, setProblem] = useState<string | null>(null);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const code = readCode(String(new FormData(event.currentTarget as HTMLFormElement).get("code") ?? ""));
    if (code === null) {
      setProblem(t.bad);
      return;
    }
    if (code.invite !== null) rememberInvite(code.room, code.invite);
    closeDialog();
    navigate(roomPath(code.room));
  };
  return (
    <Dialog title={t.title} closeLabel={words.value.close} onClose={closeDialog}>
      <form class="form" onSubmit={submit}>
        <Field name="code" label={t.code} hint={t.hint} problem={problem} plain autofocus />
        <div class="dialog-actions">
          <Button onClick={closeDialog}>{words.value.cancel}</Button>
          <Button kind="primary" type="submit">
            {t.join}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
