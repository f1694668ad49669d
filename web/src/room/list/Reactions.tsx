// The reactions to a message: the six newest, the others on request, and who put them.

import type { Message, Reaction } from "madang";
import { useId, useState } from "preact/hooks";
import { Icon } from "../../ui/icon";
import { counted, useSpeech } from "../words";
import { allowed, useActions, useRows } from "./actions";
import { whoReacted } from "./whoReacted";

const SHOWN = 6;

export function Reactions({ message }: { message: Message }) {
  const shared = useRows();
  const { pickReaction } = useActions();
  const { language } = useSpeech();
  const [all, setAll] = useState(false);
  const may = allowed(shared, message).react;
  const hidden = all ? 0 : Math.max(0, message.reactions.length - SHOWN);
  return (
    <div class="reactions">
      {hidden > 0 && (
        <button type="button" class="reaction" tabIndex={-1} onClick={() => setAll(true)}>
          +{counted(language, hidden)}
        </button>
      )}
      {message.reactions.slice(hidden).map((reaction) => (
        <Chip key={reaction.emoji} message={message} reaction={reaction} may={may} />
      ))}
      {may && (
        // The toolbar has the same for keys and screen readers.
        <button
          type="button"
          class="reaction reaction-add"
          tabIndex={-1}
          aria-hidden="true"
          onClick={(event) => pickReaction(message, event.currentTarget)}
        >
          <Icon name="add" />
        </button>
      )}
    </div>
  );
}

function Chip({ message, reaction, may }: { message: Message; reaction: Reaction; may: boolean }) {
  const actions = useActions();
  const { language } = useSpeech();
  const id = useId();
  const [who, setWho] = useState("");
  const [shown, setShown] = useState(false);
  const { emoji, count, mine } = reaction;
  const show = () => {
    setShown(true);
    whoReacted(actions.room, message, emoji, language).then(setWho, () => setWho(""));
  };
  const hide = () => setShown(false);
  return (
    <span class="reaction-box">
      <button
        type="button"
        class="reaction"
        tabIndex={-1}
        aria-pressed={mine}
        aria-describedby={shown && who ? id : undefined}
        disabled={!may}
        onClick={() => actions.react(message, emoji, !mine)}
        onPointerEnter={show}
        onPointerLeave={hide}
        onFocus={show}
        onBlur={hide}
      >
        {`${emoji} ${counted(language, count)}`}
      </button>
      {shown && who && (
        <span id={id} class="tip" role="tooltip">
          {who}
        </span>
      )}
    </span>
  );
}
