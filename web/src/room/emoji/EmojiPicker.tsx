// A small window to choose an emoji from: eight at hand, those used last, and a list with names that is loaded when asked for.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { place } from "../place";
import { useSpeech } from "../words";
import { useMore } from "../words.more";
import { lastUsed, noteUse } from "./used";

export const QUICK = ["👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "👀"];

/** An emoji with its names in English and Korean. */
export type Named = readonly [emoji: string, english: string, korean: string];

export interface EmojiPickerProps {
  anchor: () => HTMLElement | null;
  onPick: (emoji: string) => void;
  onClose: () => void;
}

export function EmojiPicker({ anchor, onPick, onClose }: EmojiPickerProps) {
  const { language } = useSpeech();
  const words = useMore();
  const ref = useRef<HTMLDivElement>(null);
  const [all, setAll] = useState<readonly Named[] | null>(null);
  const [wanted, setWanted] = useState("");
  const [recent] = useState(() => lastUsed().filter((emoji) => !QUICK.includes(emoji)));

  useLayoutEffect(() => {
    const box = ref.current;
    const opener = anchor();
    if (!box || !opener) return;
    box.showPopover();
    place(box, opener.getBoundingClientRect());
    box.querySelector<HTMLElement>("button, input")?.focus();
    const outside = (event: Event) => {
      const path = event.composedPath();
      if (!path.includes(box) && !path.includes(opener)) onClose();
    };
    document.addEventListener("pointerdown", outside, true);
    return () => {
      document.removeEventListener("pointerdown", outside, true);
      if (box.contains((box.getRootNode() as Document | ShadowRoot).activeElement)) opener.focus();
    };
  }, []);

  useLayoutEffect(() => {
    const opener = anchor();
    if (ref.current && opener) place(ref.current, opener.getBoundingClientRect());
  }, [all]);

  useEffect(() => {
    let current = true;
    import("./list").then(({ EMOJI }) => current && setAll(EMOJI));
    return () => {
      current = false;
    };
  }, []);

  const query = wanted.normalize("NFC").trim().toLowerCase();
  const found = (all ?? []).filter(([, en, ko]) => !query || en.includes(query) || ko.includes(query));
  const nameOf = (emoji: string) => {
    const named = all?.find(([one]) => one === emoji);
    return named ? named[language === "ko" ? 2 : 1] : undefined;
  };
  const button = (emoji: string) => (
    <button
      key={emoji}
      type="button"
      class="emoji"
      title={nameOf(emoji)}
      onClick={() => {
        noteUse(emoji);
        onPick(emoji);
      }}
    >
      {emoji}
    </button>
  );

  return (
    <div
      ref={ref}
      class="menu picker"
      role="dialog"
      aria-label={words.quickReactions}
      popover="manual"
      onKeyDown={onKeyDown}
    >
      <fieldset class="picker-quick" aria-label={words.quickReactions}>
        {[...QUICK, ...recent].slice(0, 16).map(button)}
      </fieldset>
      <input
        class="input"
        type="search"
        aria-label={words.findEmoji}
        placeholder={words.findEmoji}
        onInput={(event) => setWanted(event.currentTarget.value)}
      />
      <fieldset class="picker-all" aria-label={words.allEmoji}>
        {found.map(([emoji]) => button(emoji))}
        {all && found.length === 0 && <p class="hint">{words.noEmoji}</p>}
      </fieldset>
    </div>
  );

  function onKeyDown(event: KeyboardEvent) {
    if (event.isComposing) return;
    if (event.key === "Escape") {
      onClose();
    } else if (
      event.key.startsWith("Arrow") &&
      !(event.target instanceof HTMLInputElement && /Left|Right/.test(event.key))
    ) {
      move(event.currentTarget as HTMLElement, event.key);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}

// To the neighbour on the screen: rows have as many as fit.
function move(box: HTMLElement, key: string): void {
  const all = [...box.querySelectorAll<HTMLElement>("button, input")];
  const from = all.indexOf((box.getRootNode() as Document | ShadowRoot).activeElement as HTMLElement);
  if (key === "ArrowRight" || key === "ArrowLeft") {
    all[(from + (key === "ArrowRight" ? 1 : -1) + all.length) % all.length]?.focus();
    return;
  }
  const here = all[from]?.getBoundingClientRect();
  if (!here) return;
  const down = key === "ArrowDown";
  const middle = here.left + here.width / 2;
  const beyond = all
    .map((element) => ({ element, at: element.getBoundingClientRect() }))
    .filter(({ at }) => (down ? at.top >= here.bottom - 1 : at.bottom <= here.top + 1));
  const row = down ? Math.min(...beyond.map(({ at }) => at.top)) : Math.max(...beyond.map(({ at }) => at.top));
  beyond
    .filter(({ at }) => Math.abs(at.top - row) < 2)
    .sort((a, b) => Math.abs(a.at.left + a.at.width / 2 - middle) - Math.abs(b.at.left + b.at.width / 2 - middle))[0]
    ?.element.focus();
}
