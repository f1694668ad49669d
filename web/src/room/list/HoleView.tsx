// Where messages are missing: loaded when it is seen, or asked for.

import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../../ui/icon";
import { useMore } from "../words.more";
import { useActions } from "./actions";
import type { HoleRow } from "./rows";

export function HoleView({ row }: { row: HoleRow }) {
  const words = useMore();
  const actions = useActions();
  const box = useRef<HTMLDivElement>(null);
  // Whoever scrolls here wants to read on.
  useEffect(() => {
    if (!box.current) return;
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) actions.loadBetween();
    });
    observer.observe(box.current);
    return () => observer.disconnect();
  }, [actions]);
  return (
    <div ref={box} class="hole" data-after={row.hole.after}>
      <button type="button" class="button" data-kind="quiet" tabIndex={-1} onClick={actions.loadBetween}>
        <Icon name="down" />
        {words.loadBetween}
      </button>
    </div>
  );
}
