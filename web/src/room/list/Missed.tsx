// The bar above the list when more was not read than is loaded: since when, and the way there.

import { timeOf } from "../time";
import { useSpeech } from "../words";
import { useMore } from "../words.more";

export interface MissedProps {
  count: number;
  at: string;
  onJump: () => void;
  onRead: () => void;
}

export function Missed({ count, at, onJump, onRead }: MissedProps) {
  const speech = useSpeech();
  const words = useMore();
  return (
    <div class="missed">
      <span class="grow">{words.newSince(count, timeOf(speech, at))}</span>
      <button type="button" class="button" data-kind="link" onClick={onJump}>
        {words.jumpThere}
      </button>
      <button type="button" class="button" data-kind="link" onClick={onRead}>
        {words.markRead}
      </button>
    </div>
  );
}
