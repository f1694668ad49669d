// A link or a code to pass on, with a button that copies it.

import { useId } from "preact/hooks";
import { copy } from "../room/copy";
import { Button } from "../ui/button";
import { more } from "../words/more";
import { attempt } from "./attempt";

export function Share({ label, value }: { label: string; value: string }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="share">
        <input
          id={id}
          class="input"
          readOnly
          value={value}
          dir="ltr"
          onFocus={(event) => event.currentTarget.select()}
        />
        <Button icon="copy" onClick={() => void attempt(copy(value), more.value.copied)}>
          {more.value.copy}
        </Button>
      </div>
    </div>
  );
}
