// Tells screen readers what arrives: not more than one text a second, and nothing of history. The list itself is silent.

import { useEffect, useMemo, useRef } from "preact/hooks";
import { useMore } from "../words.more";

const PAUSE_MS = 1000;
const APART = 3; // as many are read out; more are counted

export interface Heard {
  name: string;
  text: string;
}

export interface AnnouncerHandle {
  /** Messages that came while the reader was at the newest. */
  hear(messages: readonly Heard[]): void;
  /** Something failed, or was done: at once. */
  alert(text: string): void;
}

export function Announcer({ handle }: { handle: { current: AnnouncerHandle | null } }) {
  const words = useMore();
  const status = useRef<HTMLDivElement>(null);
  const alert = useRef<HTMLDivElement>(null);
  const now = useRef(words);
  now.current = words;

  const announcer = useMemo(() => {
    let waiting: Heard[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = () => {
      timer = undefined;
      if (waiting.length === 0 || !status.current) return;
      status.current.textContent =
        waiting.length > APART
          ? now.current.heardMany(waiting.length)
          : waiting.map(({ name, text }) => now.current.heard(name, text)).join("\n");
      waiting = [];
      timer = setTimeout(flush, PAUSE_MS);
    };
    return {
      hear: (messages: readonly Heard[]) => {
        waiting.push(...messages);
        if (timer === undefined) timer = setTimeout(flush, 0);
      },
      alert: (text: string) => {
        if (alert.current) alert.current.textContent = text;
      },
      end: () => clearTimeout(timer),
    };
  }, []);

  useEffect(() => {
    handle.current = announcer;
    return () => {
      handle.current = null;
      announcer.end();
    };
  }, []);

  return (
    <>
      <div ref={status} class="unseen" role="status" aria-live="polite" />
      <div ref={alert} class="unseen" role="alert" />
    </>
  );
}
