// The bar above the list when more was not read than is loaded: since when, and the way there.

import type { Message, Room } from "madang";
import { useEffect, useState } from "preact/hooks";
import { timeOf } from "../time";
import { useSpeech } from "../words";
import { useMore } from "../words.more";

export interface MissedProps {
  room: Room;
  count: number;
  /** Up to where it was read. */
  readSeq: number;
  onJump: (seq: number) => void;
  onRead: () => void;
}

export function Missed({ room, count, readSeq, onJump, onRead }: MissedProps) {
  const speech = useSpeech();
  const words = useMore();
  const [first, setFirst] = useState<Message | undefined>();
  useEffect(() => {
    room.history({ after: readSeq, limit: 1 }).then(
      ({ messages }) => setFirst(messages[0]),
      () => undefined, // then nothing is said
    );
  }, [readSeq]);
  if (first?.seq == null) return null;
  const { at, seq } = first;
  return (
    <div class="missed">
      <span class="grow">{words.newSince(count, timeOf(speech, at))}</span>
      <button type="button" class="button" data-kind="link" onClick={() => onJump(seq)}>
        {words.jumpThere}
      </button>
      <button type="button" class="button" data-kind="link" onClick={onRead}>
        {words.markRead}
      </button>
    </div>
  );
}
