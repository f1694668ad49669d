// The one line above a reply that says what it answers, and leads there.

import type { Message } from "madang";
import { useEffect, useState } from "preact/hooks";
import { firstLine } from "../text/parse";
import { useSpeech } from "../words";
import { useMore } from "../words.more";
import { useActions } from "./actions";

export function Quote({ seq }: { seq: number }) {
  const { words } = useSpeech();
  const more = useMore();
  const actions = useActions();
  const [message, setMessage] = useState<Message | null | undefined>(undefined); // undefined: not known yet
  useEffect(() => {
    let current = true;
    actions.find(seq).then(
      (found) => current && setMessage(found),
      () => current && setMessage(null),
    );
    return () => {
      current = false;
    };
  }, [seq, actions]);
  if (message === null) return <p class="quote">{more.quoteGone}</p>;
  return (
    <button type="button" class="quote" tabIndex={-1} onClick={() => actions.jumpTo(seq)}>
      <bdi class="quote-name">{message ? message.name || words.deletedUser : "…"}</bdi>
      <bdi class="cut">
        {message === undefined ? "" : message.deleted ? more.quoteDeleted : firstLine(message.text)}
      </bdi>
    </button>
  );
}
