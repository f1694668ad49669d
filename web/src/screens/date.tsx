// To the messages of a day.

import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { words } from "../words";
import { more } from "../words/more";
import { closeDialog, handle } from "./state";

export function DateDialog() {
  const t = more.value.date;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const day = String(new FormData(event.currentTarget as HTMLFormElement).get("day"));
    closeDialog();
    handle.current?.jump(new Date(`${day}T00:00`)); // of the reader's own calendar
  };
  return (
    <Dialog title={t.title} closeLabel={words.value.close} onClose={closeDialog}>
      <form class="form" onSubmit={submit}>
        <label class="field">
          <span class="label">{t.day}</span>
          <input class="input" name="day" type="date" max="9999-12-31" required autofocus />
        </label>
        <div class="dialog-actions">
          <Button onClick={closeDialog}>{words.value.cancel}</Button>
          <Button kind="primary" type="submit">
            {t.go}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
