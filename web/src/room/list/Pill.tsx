// The way back to the newest message, and how many have come there. Comes with the extras.

import { useMore } from "../words.more";

export function Pill({ fresh, onClick }: { fresh: number; onClick: () => void }) {
  const words = useMore();
  return (
    <button type="button" class="pill" aria-label={fresh ? words.jumpNew(fresh) : words.jump} onClick={onClick}>
      {fresh ? words.jumpNewShown(fresh) : words.jump}
    </button>
  );
}
