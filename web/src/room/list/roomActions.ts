// What is done with messages in a room's view. Comes with the extras, as all that asks for it does.

import type { Message, Room, RoomSnapshot } from "madang";
import type { ComposerHandle } from "../composer/Composer";
import { findPeople } from "../composer/findPeople";
import { People } from "../people";
import type { Actions } from "./actions";
import type { ListHandle } from "./MessageList";

/** What a view of a room lets be done to it. */
export interface Views {
  room: Room;
  /** What holds now. */
  now: () => {
    me: string | null;
    snapshot: RoomSnapshot;
    editing: string | null;
    linkTo?: ((seq: number) => string) | undefined;
  };
  composer: { current: ComposerHandle | null };
  list: { current: ListHandle | null };
  attempt: Actions["attempt"];
  setReplyTo: (message: Message) => void;
  setEditing: (key: string | null) => void;
  setRemoving: (message: Message) => void;
  setReacting: (reacting: { message: Message; anchor: HTMLElement }) => void;
}

export function roomActions(views: Views): Actions {
  const { room, now, composer, list, attempt, setReplyTo, setEditing, setRemoving, setReacting } = views;
  const people = new People(room, () => now().me);
  const found = new Map<number, Promise<Message | null>>();
  const refocus = () => composer.current?.focus();
  return {
    reply: (message) => {
      setReplyTo(message);
      refocus();
    },
    edit: (message) => setEditing(message.key),
    editLast: () => {
      const { snapshot, me } = now();
      const own = snapshot.items.findLast(
        (item) => item.kind === "message" && item.user === me && !item.deleted && item.seq !== null,
      );
      if (own) setEditing(own.key);
    },
    endEdit: () => {
      const key = now().editing;
      setEditing(null);
      if (key) list.current?.focusRow(key);
    },
    saveEdit: (message, text, mentions) => {
      setEditing(null);
      refocus();
      if (message.seq === null || text === message.text) return;
      const data = message.data === undefined ? {} : { data: message.data };
      attempt(room.edit(message.seq, text, { ...data, mentions }));
    },
    askRemove: setRemoving,
    react: (message, emoji, on) => {
      if (message.seq !== null) attempt(room.react(message.seq, emoji, on));
    },
    pickReaction: (message, anchor) => setReacting({ message, anchor }),
    pin: (message, on) => {
      if (message.seq !== null) attempt(room.pin(message.seq, on));
    },
    markUnread: (message) => {
      if (message.seq !== null) list.current?.markUnread(message.seq);
    },
    room,
    attempt,
    linkTo: (seq) => now().linkTo?.(seq) ?? "",
    loadBetween: () => attempt(room.older()),
    jumpTo: (seq) => list.current?.jump(seq),
    find: (seq) => {
      const here = now().snapshot.items.find((item) => item.kind === "message" && item.seq === seq);
      if (here?.kind === "message") return Promise.resolve(here);
      let message = found.get(seq);
      if (!message) {
        message = room.history({ before: seq + 1, limit: 1 }).then(({ messages }) => {
          const last = messages[0];
          return last?.seq === seq ? last : null;
        });
        message.catch(() => found.delete(seq)); // ask again next time
        found.set(seq, message);
      }
      return message;
    },
    people: (typed, show) => findPeople(people, typed, show),
    learn: (snapshot) => people.learn(snapshot),
    written: (message) => ({
      text: message.text,
      mentions: message.mentions.flatMap((user): [string, string][] => {
        const name = people.nameOf(user);
        return name ? [[name, user]] : [];
      }),
    }),
    nameOf: people.nameOf,
  };
}
