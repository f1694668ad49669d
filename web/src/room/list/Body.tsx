// What a message says, with its mentions and whether it was edited. Comes with the extras.

import type { Message } from "madang";
import { MessageText } from "../text/MessageText";
import { fullTime } from "../time";
import { useSpeech } from "../words";
import { useMore } from "../words.more";
import { useActions, useRows } from "./actions";

export function Body({ message }: { message: Message }) {
  const speech = useSpeech();
  const { me } = useRows();
  const { nameOf } = useActions();
  const words = useMore();
  const names = new Map<string, string>();
  for (const user of message.mentions) {
    const name = nameOf(user);
    if (name) names.set(user, name);
  }
  return (
    <div class="row-body" data-edited={message.edited !== undefined}>
      <MessageText text={message.text} names={names} me={me} />
      {message.edited && (
        <time class="row-edited" dateTime={message.edited} title={words.editedAt(fullTime(speech, message.edited))}>
          {words.edited}
        </time>
      )}
    </div>
  );
}
