// What can be done with a message: three buttons at its corner, and a menu. Always in the document, seen on hover and focus.

import type { Message } from "madang";
import { useRef, useState } from "preact/hooks";
import { Menu, type MenuItem } from "../../ui/menu";
import { copy } from "../copy";
import { Tool } from "../tool";
import { useSpeech } from "../words";
import { useMore } from "../words.more";
import { allowed, useActions, useRows } from "./actions";

export function RowToolbar({ message }: { message: Message }) {
  const { words: said } = useSpeech();
  const words = useMore();
  const shared = useRows();
  const actions = useActions();
  const { attempt, linkTo, room } = actions;
  const seq = message.seq ?? 0;
  const [open, setOpen] = useState(false);
  const more = useRef<HTMLButtonElement>(null);
  const react = useRef<HTMLButtonElement>(null);
  const may = allowed(shared, message);

  const items = (): MenuItem[] => {
    const found: MenuItem[] = [];
    if (may.edit) found.push({ label: words.edit, icon: "edit", onPick: () => actions.edit(message) });
    found.push({ label: words.copyText, icon: "copy", onPick: () => attempt(copy(message.text), words.copied) });
    if (may.link)
      found.push({ label: words.copyLink, icon: "link", onPick: () => attempt(copy(linkTo(seq)), words.linkCopied) });
    if (may.pin) {
      const pinned = message.pinned === true;
      found.push({ label: pinned ? words.unpin : words.pin, icon: "pin", onPick: () => actions.pin(message, !pinned) });
    }
    if (may.markUnread)
      found.push({ label: words.markUnread, icon: "bell", onPick: () => actions.markUnread(message) });
    if (may.report)
      found.push({
        label: words.report,
        icon: "flag",
        apart: true,
        onPick: () => attempt(room.report(seq), words.reported),
      });
    if (may.remove) {
      found.push({
        label: words.remove,
        icon: "trash",
        danger: true,
        apart: true,
        onPick: () => actions.askRemove(message),
      });
    }
    return found;
  };

  return (
    <div
      class="row-tools"
      role="toolbar"
      aria-label={words.actionsFor(message.name || said.deletedUser)}
      data-open={open}
    >
      {may.react && (
        <Tool
          label={words.react}
          icon="emoji"
          popup="dialog"
          buttonRef={react}
          onClick={() => react.current && actions.pickReaction(message, react.current)}
        />
      )}
      {may.reply && <Tool label={words.reply} icon="reply" onClick={() => actions.reply(message)} />}
      <Tool
        label={words.more}
        icon="more"
        popup="menu"
        expanded={open}
        buttonRef={more}
        onClick={() => setOpen(!open)}
      />
      {open && <Menu label={words.more} items={items()} anchor={() => more.current} onClose={() => setOpen(false)} />}
    </div>
  );
}
