// One row of the list: a message, folded notices, a hole, the room's beginning; above it the dividers that belong to it. A message can
// be read at once; links, code, what it answers and reactions come with the extras, mostly before the first message does.

import type { Message } from "madang";
import { useEffect, useState } from "preact/hooks";
import { Avatar, hueOf } from "../../ui/avatar";
import { memo } from "../memo";
import { dayOf, fullTime, timeOf } from "../time";
import { RowButton } from "../tool";
import { useSpeech } from "../words";
import { useRows } from "./actions";
import type { HoleRow, MessageRow, NoticesRow, Row } from "./rows";

export interface RowViewProps {
  row: Row;
  /** The row that Tab comes to, and whose keys act. */
  active: boolean;
  editing: boolean;
  /** It was jumped to just now. */
  target: boolean;
  empty: boolean;
}

export const RowView = memo(function RowView(props: RowViewProps) {
  const { row } = props;
  return (
    <div class="row-box">
      {row.day !== null && <DayDivider at={row.day} />}
      {row.kind === "message" && <MessageView {...props} row={row} />}
      {row.kind === "notices" && <NoticesView row={row} />}
      {row.kind === "hole" && <Hole row={row} />}
      {row.kind === "start" && <StartView empty={props.empty} />}
    </div>
  );
});

function DayDivider({ at }: { at: string }) {
  const speech = useSpeech();
  const label = dayOf(speech, at);
  return (
    // biome-ignore lint/a11y/useSemanticElements: it shows its name, which an <hr> cannot
    <div class="day" role="separator" aria-label={label}>
      <span>{label}</span>
    </div>
  );
}

type MessageViewProps = Omit<RowViewProps, "row"> & { row: MessageRow };

function MessageView({ row, active, editing, target }: MessageViewProps) {
  const speech = useSpeech();
  const { words } = speech;
  const { me, late } = useRows();
  const parts = late?.parts;
  const { message, grouped, line } = row;
  const name = message.name || words.deletedUser;
  const time = timeOf(speech, message.at);
  const mentionsMe = me !== null && message.mentions.includes(me);
  const state = message.deleted ? "deleted" : message.state;
  return (
    <>
      {line && (
        // biome-ignore lint/a11y/useSemanticElements: it shows its name, which an <hr> cannot
        <div class="new-line" role="separator" aria-label={words.newMessages}>
          <span>{words.newMessages}</span>
        </div>
      )}
      <article
        class="row"
        part="row"
        aria-label={words.article(name, time)}
        data-key={row.key}
        data-seq={message.seq ?? undefined}
        data-cid={message.cid ?? undefined}
        data-state={state}
        data-grouped={grouped}
        data-mention={mentionsMe}
        data-target={target}
        tabIndex={active ? 0 : undefined}
      >
        <div class="gutter">
          {grouped ? (
            <time class="row-time" dateTime={message.at} title={fullTime(speech, message.at)}>
              {time}
            </time>
          ) : (
            <Avatar id={message.user} name={name} />
          )}
        </div>
        <div class="row-main">
          {!grouped && (
            <div class="row-head">
              <bdi class="row-name cut" data-hue={hueOf(message.user)}>
                {name}
              </bdi>
              <time class="row-time" dateTime={message.at} title={fullTime(speech, message.at)}>
                {time}
              </time>
              {message.pinned && <span class="row-mark">{words.pinned}</span>}
            </div>
          )}
          {message.deleted ? (
            <p class="row-gone">{words.deleted}</p>
          ) : parts ? (
            <>
              {message.replyTo !== undefined && <parts.Quote seq={message.replyTo} />}
              {editing ? <parts.EditBox message={message} /> : <parts.Body message={message} />}
              {message.reactions.length > 0 && <parts.Reactions message={message} />}
            </>
          ) : (
            <div class="text" dir="auto">
              <p dir="auto">{message.text}</p>
            </div>
          )}
          {message.state !== "sent" && <SendState message={message} />}
        </div>
        {parts && !editing && !message.deleted && message.state === "sent" && <parts.RowToolbar message={message} />}
      </article>
    </>
  );
}

const SLOW_MS = 1000; // until then an ordinary send says nothing

function SendState({ message }: { message: Message }) {
  const { language, words } = useSpeech();
  const { room, late } = useRows();
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), SLOW_MS);
    return () => clearTimeout(timer);
  }, []);
  if (message.state === "pending") return slow ? <p class="row-sending">{words.sending}</p> : null;
  return (
    <div class="row-failed">
      <span>
        {words.notSent}. {late?.parts.explain(language, message.error)}
      </span>
      <RowButton onClick={() => room.retry(message.cid ?? "")}>{words.sendAgain}</RowButton>
      <RowButton onClick={() => room.discard(message.cid ?? "")}>{words.discard}</RowButton>
    </div>
  );
}

function NoticesView({ row }: { row: NoticesRow }) {
  const { late } = useRows();
  return <p class="happened">{late && <late.parts.Notices notices={row.notices} />}</p>;
}

// There is a hole only after the room has been shown for long.
function Hole({ row }: { row: HoleRow }) {
  const { late } = useRows();
  return late && <late.parts.HoleView row={row} />;
}

function StartView({ empty }: { empty: boolean }) {
  const { words } = useSpeech();
  return <p class="start">{empty ? <slot name="empty">{words.empty}</slot> : words.start}</p>;
}
