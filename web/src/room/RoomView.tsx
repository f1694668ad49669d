// A room as it is used, by the page and by the widget: list, composer, and what is done with messages. It knows a Room of the SDK
// and words; nothing of sessions, addresses or other screens.

import type { Message, Room, User } from "madang";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Composer, type ComposerHandle, type Written } from "./composer/Composer";
import { loadDraft, saveDraft } from "./composer/drafts";
import type { AnnouncerHandle } from "./list/Announcer";
import { RowsContext, type RowsShared } from "./list/actions";
import { type ListHandle, MessageList } from "./list/MessageList";
import { forgetZone } from "./time";
import { useExtras } from "./useExtras";
import { useSecondsLeft } from "./useSecondsLeft";
import { useStore } from "./useStore";
import { type Language, type Speech, SpeechContext, type Words } from "./words";

/** What the owner of a room's view may do to it. */
export interface RoomHandle {
  focusComposer(): void;
  focusList(): void;
  /** Begin or go on with a message that mentions somebody. */
  mention(user: User): void;
  jump(target: number | Date): void;
  markRead(): void;
}

export interface RoomViewProps {
  room: Room;
  /** The user's id. */
  me: string | null;
  title: string;
  language: Language;
  words: Words;
  /** Whether times have 12 hours; left out: as the language has it. */
  hour12?: boolean;
  /** Characters of a message. */
  limit: number;
  /** Whether Enter makes a new line. */
  enterBreaks?: boolean;
  announce?: "all" | "mentions" | "none";
  offline?: boolean;
  /** Show the list alone. */
  readOnly?: boolean;
  /** Open at the newest message, not at the first that was not read. */
  atNewest?: boolean;
  /** Shown in place of the box: a way to sign in again. */
  instead?: ComponentChildren;
  /** Where a draft is kept; left out: nowhere. */
  draftKey?: string;
  /** The message or time to show; a new object asks again. */
  target?: { to: number | Date } | null;
  /** The address of a message; left out: there are no links. */
  linkTo?: (seq: number) => string;
  /** Esc where there is nothing to leave in the room; left out: all counts as read. */
  onEscape?: () => void;
  handle?: { current: RoomHandle | null };
}

const DRAFT_MS = 400;
const NOTE_MS = 6000;
const NOBODY: Written = { text: "", mentions: [] };

export function RoomView(props: RoomViewProps) {
  return <View key={props.room.id} {...props} />; // nothing of one room reaches the next
}

function View(props: RoomViewProps) {
  const { room, me, language, words } = props;
  const draftKey = me === null ? undefined : props.draftKey; // of nobody yet: their draft is not known
  const snapshot = useStore(room.store);
  const speech = useMemo<Speech>(() => ({ language, words, hour12: props.hour12 }), [language, words, props.hour12]);
  const [replyTo, setReplyTo] = useState<Message | null>(null);
  const [editing, setEditing] = useState<string | null>(null);
  const [removing, setRemoving] = useState<Message | null>(null);
  const [reacting, setReacting] = useState<{ message: Message; anchor: HTMLElement } | null>(null);
  const [note, setNote] = useState<{ text: string } | null>(null);
  const extras = useExtras();
  const now = useRef({ props, draftKey, snapshot, replyTo, editing, parts: extras });
  now.current = { props, draftKey, snapshot, replyTo, editing, parts: extras };
  const composer = useRef<ComposerHandle | null>(null);
  const list = useRef<ListHandle | null>(null);
  const announcer = useRef<AnnouncerHandle | null>(null);
  const secondsLeft = useSecondsLeft(snapshot.writableAt);

  // Drafts: kept a moment after the last key, and whenever the box or the page is left.
  const drafts = useMemo(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const save = () => {
      clearTimeout(timer);
      const { draftKey } = now.current;
      const written = composer.current?.read();
      if (draftKey && written) saveDraft(draftKey, { ...written, replyTo: now.current.replyTo?.seq ?? null });
    };
    return {
      save,
      later: () => {
        clearTimeout(timer);
        timer = setTimeout(save, DRAFT_MS);
      },
      stop: () => clearTimeout(timer),
    };
  }, [room]);
  const draft = useMemo(() => (draftKey ? loadDraft(draftKey) : null), [draftKey]);

  const tell = (text: string) => {
    setNote({ text });
    announcer.current?.alert(text);
  };
  const reason = (error: unknown) => now.current.parts?.explain(now.current.props.language, error) ?? "";
  const attempt = (done: Promise<unknown>, said?: string) =>
    done.then(
      () => said && tell(said),
      (error) => tell(reason(error)),
    );

  const late = useMemo(() => {
    if (!extras) return null;
    const views = {
      room,
      now: () => ({ ...now.current.props, ...now.current }),
      composer,
      list,
      attempt,
      setReplyTo,
      setEditing,
      setRemoving,
      setReacting,
    };
    return { parts: extras, actions: extras.roomActions(views) };
  }, [room, extras]);
  late?.actions.learn(snapshot);

  const over = snapshot.phase === "left" || snapshot.phase === "refused";
  const barred = over || (!snapshot.canWrite && snapshot.role !== null);
  const writes = !props.readOnly && !props.instead && !barred;
  const moderates = snapshot.role === "owner" || snapshot.role === "moderator";
  const hasLinks = props.linkTo !== undefined;
  const enterBreaks = props.enterBreaks ?? false;
  const shared = useMemo<RowsShared>(
    () => ({ room, late, me, writes, moderates, hasLinks, limit: props.limit, enterBreaks }),
    [room, late, me, writes, moderates, hasLinks, props.limit, enterBreaks],
  );

  const send = useMemo(
    () => (text: string, mentions: string[]) => {
      const { replyTo } = now.current;
      const answers = replyTo?.seq != null ? { replyTo: replyTo.seq } : {};
      room.typing(false);
      room.send(text, { ...answers, mentions }).catch((error) => {
        const said = `${now.current.props.words.notSent}. ${reason(error)}`;
        if (error?.code !== "outbox_full") return announcer.current?.alert(said); // its row says so, too
        // Nothing of it is in the list: it goes back into the box, unless another is begun there.
        tell(said);
        if (!composer.current?.read().text) composer.current?.write({ text, mentions: [] });
      });
      setReplyTo(null);
      drafts.save();
      list.current?.dropLine();
      list.current?.toBottom();
    },
    [room],
  );

  const onEscape = useMemo(
    () => () => {
      if (now.current.replyTo) setReplyTo(null);
      else if (now.current.props.onEscape) now.current.props.onEscape();
      else list.current?.markRead();
    },
    [room],
  );

  // The same functions each time, so that what arrives does not render the composer.
  const onChange = useMemo(
    () => (written: Written) => {
      drafts.later();
      if (written.text.trim()) room.typing();
    },
    [room, drafts],
  );
  const keepComposer = useMemo(
    () => (given: ComposerHandle | null) => {
      composer.current = given;
    },
    [],
  );

  const handle = useMemo<RoomHandle>(
    () => ({
      focusComposer: () => composer.current?.focus(),
      focusList: () => list.current?.focusRow(),
      mention: (user) => composer.current?.insert(`@${user.name} `, user),
      jump: (target) => list.current?.jump(target),
      markRead: () => list.current?.markRead(),
    }),
    [],
  );
  useLayoutEffect(() => {
    if (props.handle) props.handle.current = handle;
    return () => {
      if (props.handle?.current === handle) props.handle.current = null;
    };
  }, [props.handle]);

  useEffect(() => {
    if (props.target) list.current?.jump(props.target.to);
  }, [props.target]);

  useEffect(() => {
    const leave = () => drafts.save();
    const zone = () => document.visibilityState === "visible" && forgetZone();
    window.addEventListener("pagehide", leave);
    document.addEventListener("visibilitychange", zone);
    return () => {
      window.removeEventListener("pagehide", leave);
      document.removeEventListener("visibilitychange", zone);
      drafts.stop();
    };
  }, [drafts]);

  // Who the user is may be known only after the box is there. A draft may answer something.
  useEffect(() => {
    if (draft && composer.current && !composer.current.read().text) composer.current.write(draft);
  }, [draft]);
  useEffect(() => {
    if (draft?.replyTo != null) late?.actions.find(draft.replyTo).then(setReplyTo, () => undefined);
  }, [draft, late]);

  useEffect(() => {
    if (!note) return;
    const timer = setTimeout(() => setNote(null), NOTE_MS);
    return () => clearTimeout(timer);
  }, [note]);

  return (
    <SpeechContext.Provider value={speech}>
      <RowsContext.Provider value={shared}>
        <section class="room" data-phase={snapshot.phase}>
          <MessageList
            room={room}
            snapshot={snapshot}
            title={props.title}
            me={me}
            editing={editing}
            atNewest={props.atNewest ?? false}
            handle={list}
            shared={shared}
            onLeave={handle.focusComposer}
          />
          {late && (
            <late.parts.Heard
              snapshot={snapshot}
              me={me}
              which={props.announce ?? "all"}
              announcer={announcer}
              list={list}
            />
          )}
          {!props.readOnly && (
            <div class="room-foot">
              {note ? (
                <p class="states" data-kind="note">
                  {note.text}
                </p>
              ) : late ? (
                <late.parts.States
                  snapshot={snapshot}
                  offline={props.offline ?? false}
                  secondsLeft={barred ? 0 : secondsLeft} // who may not write at all is told why, and not in how long
                />
              ) : (
                <p class="states" />
              )}
              <slot name="before-composer" />
              {props.instead ??
                (barred ? (
                  late && <late.parts.ReadOnly snapshot={snapshot} />
                ) : (
                  <>
                    {replyTo && late && <late.parts.ReplyBar message={replyTo} onCancel={() => setReplyTo(null)} />}
                    <Composer
                      kind="send"
                      initial={draft ?? NOBODY}
                      limit={props.limit}
                      enterBreaks={enterBreaks}
                      waits={secondsLeft > 0}
                      people={late?.actions.people}
                      onSend={send}
                      onChange={onChange}
                      onEscape={onEscape}
                      onUp={late?.actions.editLast}
                      onLeave={drafts.save}
                      handle={keepComposer}
                    />
                  </>
                ))}
            </div>
          )}
          {removing && late && (
            <late.parts.ConfirmDelete
              onClose={() => {
                const { key } = removing;
                setRemoving(null);
                list.current?.focusRow(key);
              }}
              onConfirm={() => {
                if (removing.seq !== null) attempt(room.remove(removing.seq));
              }}
            />
          )}
          {reacting && late && (
            <late.parts.EmojiPicker
              anchor={() => reacting.anchor}
              onClose={() => setReacting(null)}
              onPick={(emoji) => {
                setReacting(null);
                late.actions.react(reacting.message, emoji, true);
              }}
            />
          )}
        </section>
      </RowsContext.Provider>
    </SpeechContext.Provider>
  );
}
