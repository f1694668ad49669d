// The list of a room's messages: which part is shown, where it stays, what is loaded, how far it was read, which row keys act on.
// What a row looks like is RowView's.

import type { Room, RoomSnapshot } from "madang";
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { extrasNow } from "../useExtras";
import { useSpeech } from "../words";
import type { RowsShared } from "./actions";
import { firstUnread, type Line, lineAt, NO_LINE, withoutLine } from "./line";
import { PlainRows, type RowPlaces } from "./PlainRows";
import { RowView } from "./RowView";
import { type Row, rowsOf, seqOf } from "./rows";
import { useReading } from "./useReading";
import { useRowKeys } from "./useRowKeys";

/** What others may ask of the list. */
export interface ListHandle {
  toBottom(): void;
  /** Show a message at a third of the height, and mark it for a moment. */
  jump(target: number | Date): void;
  /** The line goes, and all counts as read. */
  markRead(): void;
  markUnread(seq: number): void;
  dropLine(): void;
  /** Focus the row of a message. */
  focusRow(key?: string): void;
  atBottom(): boolean;
}

export interface MessageListProps {
  room: Room;
  snapshot: RoomSnapshot;
  title: string;
  me: string | null;
  editing: string | null;
  atNewest: boolean;
  handle: { current: ListHandle | null };
  shared: RowsShared;
  onLeave: () => void;
}

interface Place {
  key: string;
  offset: number; // of the row's top below the list's
}

interface View {
  /** At the newest, and staying there as more comes. */
  stuck: boolean;
  opened: boolean;
  /** Changes when nothing of the old rows is left. */
  generation: number;
  /** What to jump to once it is loaded. */
  wanted: number | Date | null;
  /** A row that was scrolled to: it stays where it is while rows around it are measured, until the reader scrolls. */
  hold: Place | null;
  /** Where the list was scrolled to. */
  offset: number;
  /** The topmost row, to come back to; null at the newest. */
  place: Place | null;
}

const TARGET_MS = 2000;
const AHEAD = 2; // viewports of the edge at which more is loaded
const places = new WeakMap<Room, Place>(); // where the reader was when they left

export function MessageList(props: MessageListProps) {
  const { room, snapshot, me, handle } = props;
  const { words } = useSpeech();
  const parts = props.shared.late?.parts;
  const log = useRef<HTMLDivElement>(null);
  const virtual = useRef<RowPlaces>(null);
  const [line, setLine] = useState<Line>(NO_LINE);
  const [missed, setMissed] = useState<{ count: number; readSeq: number } | null>(null);
  const [target, setTarget] = useState<{ key: string } | null>(null);
  const [up, setUp] = useState(false); // more than a viewport above the newest
  const [, again] = useReducer((n: number) => n + 1, 0);
  const now = useRef({ snapshot, line, rows: [] as Row[] });
  const view = useRef<View>({
    stuck: true,
    opened: false,
    generation: 0,
    wanted: null,
    hold: null,
    offset: 0,
    place: null,
  });

  const { items, hasOlder, hasNewer } = snapshot;
  const rows = useMemo(
    () => rowsOf(items, { complete: !hasOlder && snapshot.phase !== "idle", line: line.seq, breaks: line.breaks }),
    [items, hasOlder, snapshot.phase, line],
  );

  // Which rows are shown, in steps: virtua takes changes at the start and at the end only one after the other.
  const top = virtual.current?.findItemIndex(virtual.current.scrollOffset) ?? 0;
  const shown = useRef(rows);
  const step = useMemo(() => {
    const old = shown.current;
    if (old === rows || !parts) return { rows, shift: false, more: false, fresh: false };
    const change = parts.changeOf(old, rows, top);
    if (change.kind === "other") {
      view.current.generation++; // nothing of the old rows is left
      return { rows, shift: false, more: false, fresh: true };
    }
    if (change.kind === "both") {
      return { rows: [...rows.slice(0, change.to), ...old.slice(change.from)], shift: true, more: true, fresh: false };
    }
    return { rows, shift: change.kind === "start", more: false, fresh: false };
  }, [rows, shown.current]);
  shown.current = step.rows;
  now.current = { snapshot, line, rows: step.rows };

  const atEnd = () => {
    const element = log.current;
    return !element || element.scrollHeight - element.scrollTop - element.clientHeight < 4;
  };
  // Not by virtua's scrollToIndex: it goes on by the row's number for a while, when rows may have come above, and against the reader.
  const scrollToEnd = () => {
    if (log.current) log.current.scrollTop = log.current.scrollHeight;
  };
  const settle = () => {
    const { hold, stuck } = view.current;
    const list = virtual.current;
    if (stuck) return scrollToEnd();
    if (!hold || !list || !log.current) return;
    const at = now.current.rows.findIndex((row) => row.key === hold.key);
    if (at >= 0) log.current.scrollTop = list.getItemOffset(at) - hold.offset;
  };
  const letGo = () => {
    view.current.hold = null;
  };

  const reading = useReading(room, () => {
    const { snapshot, rows } = now.current;
    const list = virtual.current;
    const box = log.current?.getBoundingClientRect();
    if (!list || !box || rows.length === 0 || box.bottom <= 0 || box.top >= innerHeight) return 0;
    if (view.current.stuck && !snapshot.hasNewer) return snapshot.seq;
    const bottom = list.scrollOffset + list.viewportSize;
    let last = list.findItemIndex(bottom - 1);
    if (bottom - list.getItemOffset(last) < list.getItemSize(last) / 2) last--;
    for (; last >= 0; last--) if (seqOf(rows[last]) > 0) return seqOf(rows[last]);
    return 0;
  });

  const loadMore = () => {
    const list = virtual.current;
    const { snapshot } = now.current;
    if (!extrasNow() || !list || !view.current.opened) return;
    if (snapshot.loading !== null || snapshot.phase === "refused") return;
    const { scrollOffset, scrollSize, viewportSize } = list;
    if (viewportSize === 0) return;
    if (snapshot.hasOlder && scrollOffset < AHEAD * viewportSize) room.older().catch(() => undefined);
    else if (snapshot.hasNewer && scrollSize - scrollOffset - viewportSize < AHEAD * viewportSize) {
      room.newer().catch(() => undefined);
    }
  };

  const onScroll = () => {
    const list = virtual.current;
    if (!list || !view.current.opened) return;
    const was = view.current.stuck;
    const { offset: before } = view.current;
    view.current.offset = log.current?.scrollTop ?? 0;
    // Only who scrolls up leaves the end: its having moved away does not count.
    view.current.stuck = !now.current.snapshot.hasNewer && (atEnd() || (was && view.current.offset >= before));
    const { scrollOffset, scrollSize, viewportSize } = list;
    setUp(viewportSize > 0 && scrollSize - scrollOffset - viewportSize > viewportSize);
    const { line, rows } = now.current;
    const first = list.findItemIndex(scrollOffset);
    const top = view.current.stuck ? undefined : rows[first];
    view.current.place = top ? { key: top.key, offset: list.getItemOffset(first) - scrollOffset } : null;
    if (line.seq !== null) {
      const at = rows.findIndex((row) => row.kind === "message" && row.line);
      const offset = at < 0 ? -1 : list.getItemOffset(at);
      if (!line.seen && offset >= scrollOffset && offset < scrollOffset + viewportSize)
        setLine({ ...line, seen: true });
      else if (line.seen && view.current.stuck && !was) setLine(withoutLine(line));
    }
    loadMore();
    reading.now?.look();
  };

  const showRow = (index: number, wait = false) => {
    const list = virtual.current;
    const row = now.current.rows[index];
    if (!list || !row) return;
    view.current.stuck = false;
    view.current.hold = { key: row.key, offset: (log.current?.clientHeight ?? 0) / 3 };
    settle();
    if (!wait) setTarget({ key: row.key });
  };

  /** Show what is wanted, if it is among the rows. Returns whether it is. */
  const show = (to: number | Date): boolean => {
    const at = now.current.rows.findIndex(
      (row) =>
        row.kind === "message" &&
        (typeof to === "number" ? row.message.seq === to : Date.parse(row.message.at) >= to.getTime()),
    );
    if (at < 0) return false;
    view.current.wanted = null;
    showRow(at);
    return true;
  };

  const jump = (to: number | Date) => {
    view.current.wanted = to;
    if (!view.current.opened || (typeof to === "number" && show(to))) return;
    const done = () => {
      if (view.current.wanted !== to || show(to)) return;
      view.current.wanted = null; // it is not there
      if (to instanceof Date) toBottom(); // nothing was said since
    };
    // The rows follow in the next frame.
    room.around(to).then(() => requestAnimationFrame(() => requestAnimationFrame(done)), done);
  };

  const toBottom = () => {
    view.current.stuck = true;
    setUp(false);
    if (now.current.snapshot.hasNewer) room.latest().catch(() => undefined);
    scrollToEnd();
  };

  const keys = useRowKeys({
    log,
    virtual,
    rows: () => now.current.rows,
    shared: props.shared,
    onLeave: props.onLeave,
    changed: step.rows,
  });

  // Opening, once: at the line, where the reader was, or at the newest.
  useLayoutEffect(() => {
    if (view.current.opened || snapshot.phase === "idle" || snapshot.phase === "joining" || rows.length === 0) return;
    const first = items[0];
    const whole =
      !hasOlder || (first !== undefined && first.kind !== "hole" && (first.seq ?? 0) <= snapshot.readSeq + 1);
    const unread = whole && !props.atNewest ? firstUnread(items, snapshot.readSeq, me) : null;
    if (!whole && !props.atNewest && snapshot.unread > 0 && snapshot.readSeq > 0)
      setMissed({ count: snapshot.unread, readSeq: snapshot.readSeq });
    if (unread?.seq != null && line.seq !== unread.seq) {
      setLine(lineAt(line, unread.seq)); // and come here again
      return;
    }
    view.current.opened = true;
    const place = places.get(room);
    const kept = place ? rows.findIndex((row) => row.key === place.key) : -1;
    if (view.current.wanted !== null) jump(view.current.wanted);
    else if (place && kept >= 0) {
      view.current.stuck = false;
      view.current.hold = place;
      settle();
    } else if (unread) {
      const at = rows.findIndex((row) => row.kind === "message" && row.message === unread);
      showRow(at, true);
    } else scrollToEnd();
    requestAnimationFrame(onScroll);
  });

  // What changed is on the screen: the view stays where it is, or at the end.
  useLayoutEffect(() => {
    if (step.more) again(0);
    if (!view.current.opened) return;
    const { wanted } = view.current;
    if (wanted !== null && (typeof wanted === "number" || step.fresh) && show(wanted)) return loadMore();
    if (step.fresh && view.current.hold === null) scrollToEnd();
    else settle();
    loadMore();
    reading.now?.look();
  }, [step]);

  // The list that keeps only what is in view has taken the place of the plain one: what was seen stays where it was.
  useLayoutEffect(() => {
    if (!parts || !view.current.opened) return;
    view.current.hold ??= view.current.place;
    settle();
    loadMore();
  }, [parts]);

  // Messages came that nobody looked at: the line is above the first of them, if all before was read.
  const newest = useRef(0);
  useLayoutEffect(() => {
    const before = newest.current;
    newest.current = snapshot.seq;
    if (!view.current.opened || before === 0 || snapshot.seq <= before || hasNewer) return;
    const looking = document.visibilityState === "visible" && document.hasFocus() && view.current.stuck;
    if (looking) return;
    const fresh = firstUnread(items, before, me);
    if (fresh?.seq == null || (line.seq !== null && Math.max(snapshot.readSeq, reading.sent) < line.seq)) return;
    if (firstUnread(items, Math.max(snapshot.readSeq, reading.sent), me)?.seq === fresh.seq) {
      setLine(lineAt(line, fresh.seq));
    }
  }, [snapshot.seq]);

  useEffect(() => {
    if (!target) return;
    const timer = setTimeout(() => setTarget(null), TARGET_MS);
    return () => clearTimeout(timer);
  }, [target]);

  // The window of the browser, the keyboard of a phone or the composer changed the height.
  useLayoutEffect(() => {
    const element = log.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      settle();
      loadMore();
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  // Where the reader was, for when they come back.
  useEffect(
    () => () => {
      const { place } = view.current;
      if (place) places.set(room, place);
      else places.delete(room);
    },
    [],
  );

  handle.current = {
    toBottom,
    jump,
    markRead: () => {
      setLine(withoutLine);
      setMissed(null);
      reading.now?.all();
    },
    markUnread: (seq) => {
      setLine((line) => lineAt(line, seq));
      reading.now?.pause();
    },
    dropLine: () => setLine(withoutLine),
    focusRow: keys.focus,
    atBottom: () => view.current.stuck,
  };

  const Rows = parts?.VirtualRows ?? PlainRows;
  const empty = useMemo(() => !items.some((item) => item.kind === "message"), [items]);
  return (
    <div class="list">
      {missed && parts && (
        <parts.Missed
          {...missed}
          room={room}
          onJump={(seq) => {
            setMissed(null);
            setLine(lineAt(line, seq));
            jump(seq);
          }}
          onRead={() => handle.current?.markRead()}
        />
      )}
      <div
        ref={log}
        class="log"
        part="log"
        role="log"
        aria-live="off"
        aria-label={words.messagesIn(props.title)}
        aria-busy={snapshot.loading !== null}
        tabIndex={keys.active === null ? 0 : -1}
        {...keys.handlers}
        onWheel={letGo}
        onTouchMove={letGo}
        onPointerDown={() => {
          letGo();
          keys.handlers?.onPointerDown();
        }}
        onKeyDown={(event) => {
          letGo();
          keys.handlers?.onKeyDown(event);
        }}
      >
        <div class="log-fill" />
        <Rows
          key={view.current.generation}
          handle={virtual}
          data={step.rows}
          shift={step.shift}
          keepMounted={keys.mounted}
          onScroll={onScroll}
          onResize={settle}
        >
          {(row: Row) => (
            <RowView
              key={row.key}
              row={row}
              active={row.key === keys.active}
              editing={row.key === props.editing}
              target={row.key === target?.key}
              empty={empty}
            />
          )}
        </Rows>
      </div>
      {parts && <parts.DayLabel log={log} virtual={virtual} rows={() => now.current.rows} />}
      {snapshot.loading === "older" && <p class="list-loading">{words.loading}</p>}
      {parts && (up || hasNewer) && <parts.Pill fresh={snapshot.unread} onClick={toBottom} />}
    </div>
  );
}
