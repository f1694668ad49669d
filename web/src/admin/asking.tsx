// What lies over the page: the question before something that cannot be undone, and what is shown only once.

import { copy } from "../room/copy";
import { Button } from "../ui/button";
import { Confirm, Dialog } from "../ui/dialog";
import { signal } from "../ui/signals";
import { attempt } from "./api";
import { words } from "./words";

export const question = signal<{ title: string; text: string; action: string; run: () => void } | null>(null);
export const secret = signal<{ title: string; text: string; value: string } | null>(null);

export function Over() {
  const t = words.value;
  const asked = question.value;
  const shown = secret.value;
  if (asked) {
    const close = () => {
      question.value = null;
    };
    return (
      <Confirm title={asked.title} action={asked.action} cancel={t.cancel} onConfirm={asked.run} onClose={close}>
        {asked.text}
      </Confirm>
    );
  }
  if (!shown) return null;
  const close = () => {
    secret.value = null;
  };
  return (
    <Dialog title={shown.title} closeLabel={t.close} onClose={close}>
      <p>{shown.text}</p>
      <p class="secret" dir="ltr">
        {shown.value}
      </p>
      <div class="dialog-actions">
        <Button kind="primary" icon="copy" onClick={() => void attempt(() => copy(shown.value), t.copied)}>
          {t.copy}
        </Button>
      </div>
    </Dialog>
  );
}
