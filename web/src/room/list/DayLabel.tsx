// The day of the topmost row, shown while the list is scrolled: rows are placed by virtua, so the divider itself cannot stick.

import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { dayOf } from "../time";
import { useSpeech } from "../words";
import type { RowPlaces } from "./PlainRows";
import type { Row } from "./rows";

const SHOWN_MS = 1200;

export interface DayLabelProps {
  log: RefObject<HTMLElement | null>;
  virtual: RefObject<RowPlaces | null>;
  rows: () => readonly Row[];
}

export function DayLabel({ log, virtual, rows }: DayLabelProps) {
  const speech = useSpeech();
  const [at, setAt] = useState<string | null>(null);
  const [shown, setShown] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);

  useEffect(() => {
    const element = log.current;
    if (!element) return;
    const onScroll = () => {
      const list = virtual.current;
      if (!list) return;
      if (list.scrollSize - list.scrollOffset - list.viewportSize < list.viewportSize / 2) return setShown(false);
      const top = rows()[list.findItemIndex(list.scrollOffset + 1)];
      const time = top?.kind === "message" ? top.message.at : top?.kind === "notices" ? top.notices[0]?.at : undefined;
      if (!time || top?.day) return setShown(false); // the divider itself is in view
      setAt(time);
      setShown(true);
      clearTimeout(timer.current);
      timer.current = setTimeout(() => setShown(false), SHOWN_MS);
    };
    element.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      element.removeEventListener("scroll", onScroll);
      clearTimeout(timer.current);
    };
  }, []);

  return (
    <div class="day-label" aria-hidden="true" data-shown={shown}>
      <span>{at === null ? "" : dayOf(speech, at)}</span>
    </div>
  );
}
