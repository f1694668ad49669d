// The list under the keyboard: one stop for Tab, the arrows walk rows, Enter walks what is in a row, Esc leaves.

import { allowed, type RowsShared } from "./actions";
import type { Row } from "./rows";
import type { RowKeys } from "./useRowKeys";

export const focusable = (row: Row | undefined) => row?.kind === "message" || row?.kind === "hole";

/** Return what keys do in a list. */
export function rowKeys(keys: RowKeys) {
  let pointer = false;
  let index = -1; // where the active row was, for when it is gone
  const virtual = () => keys.options().virtual.current;

  /** Scroll a row into view. */
  const reveal = (to: number) => {
    const list = virtual();
    const log = keys.options().log.current;
    if (!list || !log) return;
    const start = list.getItemOffset(to);
    const end = start + list.getItemSize(to);
    if (start < list.scrollOffset) log.scrollTop = start;
    else if (end > list.scrollOffset + list.viewportSize) log.scrollTop = end - list.viewportSize;
  };
  /** The row to begin with: the lowest in view. */
  const first = () => {
    const list = virtual();
    return list ? list.findItemIndex(list.scrollOffset + list.viewportSize - 1) : -1;
  };

  const at = (key: string | null) =>
    keys
      .options()
      .rows()
      .findIndex((row) => row.key === key);
  const elementOf = (key: string) =>
    keys.options().log.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`) ?? null;

  const focus = (key?: string) => {
    const rows = keys.options().rows();
    let to = key === undefined ? first() : at(key);
    while (to >= 0 && !focusable(rows[to])) to--;
    const row = rows[to];
    if (!row) return;
    const element = elementOf(row.key);
    keys.wish = element ? null : row.key;
    keys.setActive(row.key);
    reveal(to);
    if (!element) return;
    element.tabIndex = 0; // as it is once it is rendered as the active one
    element.focus({ preventScroll: true });
  };
  const go = (from: number, by: 1 | -1, steps = 1) => {
    const rows = keys.options().rows();
    let to = from;
    for (let i = from + by; steps > 0 && rows[i]; i += by) {
      if (!focusable(rows[i])) continue;
      to = i;
      steps--;
    }
    const row = rows[to];
    if (row && to !== from) focus(row.key);
  };
  const pageSteps = () => {
    const element = focused();
    return Math.max(1, Math.floor((virtual()?.viewportSize ?? 0) / Math.max(24, element?.offsetHeight ?? 24)) - 1);
  };
  const focused = () => {
    const root = keys.options().log.current?.getRootNode() as Document | ShadowRoot | undefined;
    return (root?.activeElement ?? null) as HTMLElement | null;
  };

  // Left and right between what is in the row.
  const inside = (row: HTMLElement, event: KeyboardEvent) => {
    const all = [...row.querySelectorAll<HTMLElement>("button:not(:disabled), a[href]")].filter(
      (element) => !element.closest("[aria-hidden], [popover], form"),
    );
    const tools = all.filter((element) => element.closest("[role=toolbar]"));
    const ordered = [...tools, ...all.filter((element) => !tools.includes(element))];
    const from = ordered.indexOf(focused() as HTMLElement);
    if (event.key === "Enter" && from < 0) ordered[0]?.focus();
    else if (event.key === "ArrowRight" && from >= 0) ordered[(from + 1) % ordered.length]?.focus();
    else if (event.key === "ArrowLeft" && from >= 0) ordered[(from - 1 + ordered.length) % ordered.length]?.focus();
    else if (event.key === "Escape" && from >= 0) row.focus();
    else return false;
    return true;
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const target = event.composedPath()[0] as HTMLElement;
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.closest("form, [popover], dialog")) return; // an edit box, a menu
    const element = target.closest<HTMLElement>("[data-key]");
    const key = element?.dataset.key ?? null;
    const from = at(key);
    const row = keys.options().rows()[from];
    if (!element || !row) {
      if (event.key === "Escape") keys.options().onLeave();
      return;
    }
    const onRow = target === element;
    if (inside(element, event)) {
      // done
    } else if (event.key === "ArrowDown") go(from, 1);
    else if (event.key === "ArrowUp") go(from, -1);
    else if (event.key === "PageDown") go(from, 1, pageSteps());
    else if (event.key === "PageUp") go(from, -1, pageSteps());
    else if (event.key === "Home") go(-1, 1);
    else if (event.key === "End") go(keys.options().rows().length, -1);
    else if (event.key === "Escape") keys.options().onLeave();
    else if (!(onRow && letter(keys.options().shared, row, event))) return;
    event.preventDefault();
    event.stopPropagation();
  };

  // Tab comes to the list: to the row that was active, or the lowest in view. A click on the list does not.
  const onFocus = (event: FocusEvent) => {
    if (event.target === keys.options().log.current && !pointer) focus();
  };
  const onPointerDown = () => {
    pointer = true;
    requestAnimationFrame(() => {
      pointer = false;
    });
  };
  const onContextMenu = (event: MouseEvent & { pointerType?: string }) => {
    if (event.pointerType !== "touch") return;
    const row = (event.target as HTMLElement).closest<HTMLElement>("[data-key]");
    if (!row?.dataset.key) return;
    event.preventDefault(); // a long press shows what can be done
    focus(row.dataset.key);
  };

  /** The rows are others. */
  const follow = () => {
    const { changed } = keys.options();
    const to = at(keys.active);
    if (keys.active !== null && to < 0 && changed.length > 0) {
      // It went: its neighbour is next. The focus moves only if it was in the row.
      const neighbour = changed[Math.min(index, changed.length - 1)];
      const lost = focused() === null || focused() === document.body;
      const next = neighbour && focusable(neighbour) ? neighbour.key : null;
      keys.setActive(next);
      if (lost) keys.wish = next;
      return;
    }
    index = to;
    if (keys.wish === null) return;
    const element = elementOf(keys.wish);
    if (!element) return;
    keys.wish = null;
    element.focus({ preventScroll: true });
  };
  return { focus, follow, handlers: { onKeyDown, onFocus, onPointerDown, onContextMenu } };
}

/** Do what a letter does on a row. Returns whether it was used. */
function letter(shared: RowsShared, row: Row, event: KeyboardEvent): boolean {
  const actions = shared.late?.actions;
  if (row.kind !== "message" || !actions) return false;
  const { message } = row;
  const may = allowed(shared, message);
  const key = event.key.toLowerCase();
  if (key === "r" && may.reply) actions.reply(message);
  else if (key === "e" && may.edit) actions.edit(message);
  else if (key === "+" && may.react) actions.pickReaction(message, event.target as HTMLElement);
  else if (key === "p" && may.pin) actions.pin(message, !message.pinned);
  else if (key === "u" && may.markUnread) actions.markUnread(message);
  else if ((key === "delete" || key === "backspace") && may.remove) actions.askRemove(message);
  else return false;
  return true;
}
