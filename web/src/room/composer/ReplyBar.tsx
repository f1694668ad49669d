// What the next message answers, and how to answer nothing. Comes with the extras.

import type { Message } from "madang";
import { useSpeech } from "../words";
import { useMore } from "../words.more";

export function ReplyBar({ message, onCancel }: { message: Message; onCancel: () => void }) {
  const words = useMore();
  const { deletedUser } = useSpeech().words;
  const label = words.replyingTo(message.name || deletedUser);
  return (
    <fieldset class="bar" aria-label={label}>
      <span class="grow cut">{label}</span>
      <button type="button" class="button" data-kind="link" onClick={onCancel}>
        {words.cancelReply}
      </button>
    </fieldset>
  );
}
