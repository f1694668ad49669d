// What <madang-room> shows: the room of the page, in a shadow root, with a way in for guests. Loaded when it is opened.

import type { Client, MadangError, Room } from "madang";
import { render } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { type RoomHandle, RoomView } from "../room/RoomView";
import { useStore } from "../room/useStore";
import { Icon } from "../ui/icon";
import { type Lease, lease } from "./clients";
import type { MadangRoom } from "./loader";
import { type Say, sayIn } from "./say";

/** A widget that is in an element. */
export interface Mounted {
  open(): void;
  close(): void;
  /** Attributes or properties have changed. */
  changed(): void;
  send(text: string): Promise<void>;
  signOut(): Promise<void>;
  end(): void;
}

export async function mount(
  element: MadangRoom,
  root: ShadowRoot,
  launcher: HTMLButtonElement | null,
  style: CSSStyleSheet,
): Promise<Mounted> {
  let say = await sayIn(element.speaks);
  // Of an accent of the page's own it is computed what can be read on it.
  const accentNow = () => getComputedStyle(element).getPropertyValue("--madang-accent");
  let accent = accentNow() ? await import("./accent") : null;
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, style];
  const usual = accentNow();
  const place = document.createElement("div");
  place.className = "madang";
  root.append(place);
  let shown = launcher === null;
  let held: Lease | null = null;
  let name = element.getAttribute("name");
  let entered = 0; // how often the reader has come back, or was led to another room
  const whereNow = () => `${element.server} ${element.getAttribute("room")}`;
  let where = whereNow();
  let joined: Promise<Room> | null = null;
  let stop = new AbortController();

  const tell = (type: string, detail: object = {}) =>
    element.dispatchEvent(new CustomEvent(`madang-${type}`, { detail, bubbles: true, composed: true }));

  const client = (): Client => {
    if (element.client) return element.client;
    held ??= follow(lease(element.server, element.getToken, name));
    return held.client;
  };
  const follow = (taken: Lease): Lease => {
    const off = [
      taken.client.on("state", (state) => tell("state", { phase: state.phase, reason: state.reason ?? null })),
      taken.client.on("error", (error) => tell("error", { code: error.code, message: error.message })),
      taken.client.rooms.subscribe(() => count(taken.client)),
    ];
    return {
      client: taken.client,
      end() {
        for (const each of off) each();
        taken.end();
      },
    };
  };

  let unread = -1;
  const count = (from: Client) => {
    const room = from.rooms.getSnapshot().rooms.find((each) => each.id === element.getAttribute("room"));
    const now = room?.unread ?? 0;
    const badge = launcher?.querySelector(".badge");
    if (badge) badge.textContent = now === 0 || shown ? "" : now >= 1000 ? "999+" : `${now}`;
    if (now !== unread) tell("unread", { unread: now, mentions: room?.mentions ?? 0 });
    unread = now;
  };

  const isKnown = () => {
    if (element.client || element.getToken || name !== null) return true;
    const known = held ?? lease(element.server, undefined, null); // a guest of an earlier visit
    if (!held) known.end();
    return known.client.token !== null;
  };

  /** Of the room the element has now; whoever waits for an earlier one still gets that. */
  const join = (): Promise<Room> => {
    if (joined) return joined;
    const { signal } = stop;
    const joining = (async () => {
      const room = client().room(element.getAttribute("room") ?? "");
      await room.join();
      if (!signal.aborted) listen(room, signal);
      return room;
    })();
    joined = joining;
    joining.catch((error) => {
      if (joined !== joining) return; // the element has left that room
      joined = null;
      tell("error", { code: error?.code ?? "", message: String(error?.message ?? error) });
    });
    return joining;
  };
  const listen = async (room: Room, signal: AbortSignal) => {
    for await (const event of room.events({ signal })) if (event.type === "message.sent") tell("message", event);
  };

  const leave = () => {
    stop.abort();
    stop = new AbortController();
    joined = null;
    held?.end();
    held = null;
  };

  /** The page has given an accent since. */
  const styled = async () => {
    accent = await import("./accent");
    accent.onAccent(element, place);
  };

  const draw = () => {
    element.dataset.theme = element.getAttribute("theme") ?? "system";
    if (accent) accent.onAccent(element, place);
    else if (accentNow() !== usual) void styled();
    const view = shown ? (
      <Panel
        element={element}
        key={isKnown() ? `room ${entered}` : "name"}
        client={isKnown() ? client() : null}
        join={join}
        say={say}
        launcher={launcher !== null}
        close={close}
        enter={(given) => {
          held?.end();
          held = null;
          name = given;
          draw();
        }}
        again={() => {
          leave();
          entered++;
          draw();
        }}
      />
    ) : null;
    render(view, place);
  };

  const open = () => {
    if (shown && launcher) return;
    shown = true;
    if (launcher) launcher.ariaExpanded = "true";
    draw();
    if (held) count(held.client);
    tell("open");
  };
  const close = () => {
    if (!shown || !launcher) return;
    shown = false;
    launcher.ariaExpanded = "false";
    const inside = root.activeElement !== null;
    draw();
    if (inside) launcher.focus();
    if (held) count(held.client);
    tell("close");
  };

  if (launcher && isKnown()) client(); // its badge
  return {
    open,
    close,
    changed: () => {
      if (where !== whereNow()) {
        where = whereNow();
        leave();
        entered++;
        if (launcher && isKnown()) client();
      }
      draw();
      const wanted = element.speaks;
      sayIn(wanted).then(
        (words) => {
          if (say === words || element.speaks !== wanted || !root.contains(place)) return;
          say = words;
          draw();
        },
        () => undefined, // it speaks on as it did, and asks again at the next change
      );
    },
    send: async (text) => {
      const room = await join();
      await room.send(text);
    },
    signOut: async () => {
      const now = client();
      name = null;
      leave();
      await now.close({ forget: true });
      draw();
    },
    end: () => {
      leave();
      render(null, place);
      place.remove();
    },
  };
}

interface PanelProps {
  element: MadangRoom;
  say: Say;
  client: Client | null;
  join: () => Promise<Room>;
  launcher: boolean;
  close: () => void;
  enter: (name: string) => void;
  again: () => void;
}

const PHONE = "(width < 560px)";

function Panel({ element, say, client, join, launcher, close, enter, again }: PanelProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [title, setTitle] = useState("");

  // On a phone it takes the whole screen, and the page behind it rests.
  useLayoutEffect(() => {
    const box = dialog.current;
    if (!box) return;
    if (matchMedia(PHONE).matches) box.showModal();
    else box.show();
    return () => box.close();
  }, []);

  // Before there is a name, only the server can say what the room is called.
  useEffect(() => {
    if (client) return;
    const server = new URL(element.server, location.href).href.replace(/^ws/, "http");
    fetch(new URL(`/api/rooms/${element.getAttribute("room")}/title`, server))
      .then((answer) => answer.json())
      .then(
        (answer) => setTitle(answer.title ?? ""),
        () => undefined, // it will be said inside
      );
  }, []);

  const content = (
    <>
      <header class="panel-head" part="header">
        <slot name="header">
          <h2 class="cut grow">{title}</h2>
        </slot>
        {launcher && (
          <button type="button" class="icon-button" aria-label={say.close} title={say.close} onClick={close}>
            <Icon name="close" />
          </button>
        )}
      </header>
      {client ? (
        <InRoom
          element={element}
          say={say}
          client={client}
          join={join}
          titled={setTitle}
          again={again}
          {...(launcher ? { close } : {})}
        />
      ) : (
        <NameForm say={say} enter={enter} opened={launcher} />
      )}
    </>
  );
  if (!launcher) return <section class="panel">{content}</section>;
  return (
    <dialog
      ref={dialog}
      class="panel"
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape" && !event.isComposing && !event.defaultPrevented) close();
      }}
    >
      {content}
    </dialog>
  );
}

function NameForm({ say, enter, opened }: { say: Say; enter: (name: string) => void; opened: boolean }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (opened) input.current?.focus(); // in the middle of a page nobody has asked for it
  }, []);
  return (
    <form
      class="panel-name"
      onSubmit={(event) => {
        event.preventDefault();
        const name = input.current?.value.trim();
        if (name) enter(name);
      }}
    >
      <label class="field">
        <span class="label">{say.name}</span>
        <input ref={input} class="input" maxLength={40} autocomplete="nickname" required />
      </label>
      <button type="submit" class="button" data-kind="primary">
        {say.enter}
      </button>
    </form>
  );
}

interface InRoomProps {
  element: MadangRoom;
  say: Say;
  client: Client;
  join: () => Promise<Room>;
  titled: (title: string) => void;
  /** Come back after the reader was signed out. */
  again: () => void;
  close?: () => void;
}

function InRoom({ element, say, client, join, titled, again, close }: InRoomProps) {
  const id = element.getAttribute("room") ?? "";
  const room = useMemo(() => client.room(id), [client, id]);
  const snapshot = useStore(room.store);
  const handle = useRef<RoomHandle | null>(null);
  const [failed, setFailed] = useState<MadangError | null>(null);
  const [ended, setEnded] = useState(client.state.final);
  const [me, setMe] = useState(client.user?.id ?? null);
  const [offline, setOffline] = useState(client.state.reason === "offline");
  const readOnly = element.mode === "read-only";

  useEffect(() => {
    const off = [
      client.on("user", (user) => setMe(user.id)),
      client.on("state", (state) => {
        setOffline(state.phase !== "connected" && state.reason === "offline");
        setEnded(state.final);
      }),
    ];
    join().then(() => setMe(client.user?.id ?? null), setFailed);
    return () => {
      for (const each of off) each();
    };
  }, [room]);
  useEffect(() => {
    const title = snapshot.info?.title;
    if (title) titled(title);
  }, [snapshot.info?.title]);
  useEffect(() => {
    if (element.mode === "launcher" && !matchMedia("(pointer: coarse)").matches) handle.current?.focusComposer();
  }, []);

  if (failed && snapshot.items.length === 0) {
    return <p class="panel-failed">{failed.code === "bad_name" ? say.badName : say.refused}</p>;
  }
  return (
    <RoomView
      room={room}
      me={me}
      title={snapshot.info?.title ?? id}
      language={say.language}
      words={say.room}
      limit={client.server?.maxText ?? 4000}
      offline={offline}
      readOnly={readOnly}
      atNewest={element.getAttribute("since") === "newest"}
      draftKey={client.storageKey(`draft.${id}`)}
      handle={handle}
      instead={
        ended ? (
          <p class="read-only">
            {say.ended}{" "}
            <button type="button" class="button" data-kind="link" onClick={again}>
              {say.again}
            </button>
          </p>
        ) : undefined
      }
      {...(close ? { onEscape: close } : {})}
    />
  );
}
