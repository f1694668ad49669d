// The box in place of a message's text while it is edited.

import type { Message } from "madang";
import { Composer } from "../composer/Composer";
import { useMore } from "../words.more";
import { useActions, useRows } from "./actions";

export function EditBox({ message }: { message: Message }) {
  const words = useMore();
  const actions = useActions();
  const { limit, enterBreaks } = useRows();
  return (
    <div class="edit">
      <fieldset class="bar" aria-label={words.editing}>
        <span class="grow">{words.editing}</span>
        <button type="button" class="button" data-kind="link" onClick={actions.endEdit}>
          {words.cancelEdit}
        </button>
      </fieldset>
      <Composer
        kind="edit"
        initial={actions.written(message)}
        limit={limit}
        enterBreaks={enterBreaks}
        waits={false}
        people={actions.people}
        onSend={(text, mentions) => actions.saveEdit(message, text, mentions)}
        onEscape={actions.endEdit}
      />
    </div>
  );
}
