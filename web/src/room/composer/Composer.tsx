// Where a message is written, or edited: box, list of people, emoji, counter, send button. What is sent is decided by its owner.

import type { User } from "madang";
import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { IconButton } from "../../ui/button";
import { memo } from "../memo";
import { useExtras } from "../useExtras";
import { useSpeech } from "../words";
import { Box } from "./box";
import { countCharacters, refusedCharacter } from "./count";
import { mentionBefore, mentionsIn } from "./mentions";
import type { FindPeople, Person } from "./PeopleList";

export interface Written {
  text: string;
  /** Name and id of those picked from the list of people. */
  mentions: [string, string][];
}

/** What the owner of a composer may do to it. */
export interface ComposerHandle {
  focus(): void;
  /** Add to what is written: a key that was pressed elsewhere, a mention. */
  insert(text: string, mention?: User): void;
  read(): Written;
  write(written: Written): void;
}

export interface ComposerProps {
  kind: "send" | "edit";
  initial: Written;
  /** Characters, as the server counts. */
  limit: number;
  /** Whether Enter makes a new line. */
  enterBreaks: boolean;
  /** Whether sending waits (slow mode); what was asked for goes out when it no longer does. */
  waits: boolean;
  /** Finds people by what is typed after "@"; undefined until the extras are there. */
  people: FindPeople | undefined;
  onSend: (text: string, mentions: string[]) => void;
  onChange?: (written: Written) => void;
  onEscape?: () => void;
  /** ↑ in an empty box. */
  onUp?: (() => void) | undefined;
  onLeave?: (written: Written) => void;
  handle?: (handle: ComposerHandle | null) => void;
}

const NO_ONE: readonly Person[] = [];

const coarse = () => matchMedia("(pointer: coarse)").matches;

export const Composer = memo(function Composer(props: ComposerProps) {
  const { words } = useSpeech();
  const area = useRef<HTMLTextAreaElement>(null);
  const now = useRef(props);
  now.current = props;
  const id = useId();
  const [over, setOver] = useState(Number.NEGATIVE_INFINITY); // characters beyond the limit; below 0: left, shown from 90 % on
  const [refused, setRefused] = useState(0);
  const [blank, setBlank] = useState(!props.initial.text.trim());
  const [asked, setAsked] = useState(false); // to send as soon as slow mode lets it
  const [typed, setTyped] = useState<{ from: number; text: string } | null>(null); // after "@"
  const [options, setOptions] = useState<readonly Person[]>([]);
  const [at, setAt] = useState(0);
  const [picker, setPicker] = useState(false);
  const emojiButton = useRef<HTMLButtonElement>(null);
  const extras = useExtras(picker || typed !== null);
  const picked = useRef(new Map(props.initial.mentions));
  const list = useRef({ typed, options, at });
  list.current = { typed, options: extras ? options : NO_ONE, at }; // what is not shown is not picked
  const boxRef = useRef<Box | null>(null);

  const actions = useMemo(() => {
    const box = () => boxRef.current as Box;
    const read = (): Written => ({ text: box().element.value, mentions: [...picked.current] });

    const send = () => {
      const { waits, limit, onSend, kind } = now.current;
      const text = box()
        .element.value.normalize("NFC")
        .replace(/^\n+|\s+$/g, "");
      if (!text) return;
      const bad = refusedCharacter(text);
      setRefused(bad);
      if (bad || countCharacters(text) > limit) return;
      if (waits) {
        setAsked(true);
        return;
      }
      const mentions = mentionsIn(text, picked.current);
      if (kind === "send") {
        picked.current.clear();
        box().write("");
      }
      onSend(text, mentions);
    };

    const pick = (person: Person | undefined) => {
      const { typed } = list.current;
      if (!person || !typed) return false;
      box().commit();
      picked.current.set(person.name, person.id);
      const caret = box().element.selectionStart;
      box().replace(typed.from, Math.max(caret, typed.from), `@${person.name} `);
      setTyped(null);
      return true;
    };
    const pickActive = () => {
      const { typed, options, at } = list.current;
      return typed !== null && options.length > 0 && pick(options[at] ?? options[0]);
    };

    const key = (event: KeyboardEvent) => {
      const { typed, options, at } = list.current;
      const open = typed !== null && options.length > 0;
      const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
      else if (open && plain && event.key === "ArrowDown") setAt((at + 1) % options.length);
      else if (open && plain && event.key === "ArrowUp") setAt((at - 1 + options.length) % options.length);
      else if (open && event.key === "Escape") setTyped(null);
      else if (event.key === "Escape" && now.current.onEscape) now.current.onEscape();
      else if (plain && event.key === "ArrowUp" && !box().element.value && now.current.onUp) now.current.onUp();
      else return false;
      event.stopPropagation();
      return true;
    };

    const changed = () => {
      const { element } = box();
      const text = element.value;
      const { limit, onChange } = now.current;
      const length = text.length > limit * 0.4 ? countCharacters(text) : 0;
      setOver(length > limit * 0.9 ? length - limit : Number.NEGATIVE_INFINITY);
      setRefused(0);
      setBlank(!text.trim());
      setAsked(false);
      setTyped(mentionBefore(text, element.selectionStart));
      setAt(0);
      onChange?.(read());
    };

    return { box, read, send, pick, pickActive, key, changed };
  }, []);

  useLayoutEffect(() => {
    const element = area.current as HTMLTextAreaElement;
    const box = new Box(element, {
      send: () => {
        if (!actions.pickActive()) actions.send();
      },
      changed: actions.changed,
      breaks: () => (now.current.enterBreaks || coarse()) && !(list.current.typed && list.current.options.length > 0),
      key: actions.key,
      tab: actions.pickActive,
    });
    boxRef.current = box;
    if (props.initial.text) box.write(props.initial.text);
    if (props.kind === "edit") element.focus();
    props.handle?.({
      focus: () => element.focus(),
      read: actions.read,
      write: (written) => {
        picked.current = new Map(written.mentions);
        box.write(written.text);
      },
      insert: (text, mention) => {
        if (mention) picked.current.set(mention.name, mention.id);
        box.commit();
        box.replace(element.selectionStart, element.selectionEnd, text);
        element.focus();
      },
    });
    return () => {
      now.current.handle?.(null);
      box.close();
    };
  }, []);

  // Slow mode is over: what was asked for goes out.
  useEffect(() => {
    if (asked && !props.waits) actions.send();
  }, [asked, props.waits]);

  useEffect(() => {
    if (typed === null) return setOptions(NO_ONE);
    return props.people?.(typed.text, (people) => {
      const { options, at } = list.current;
      const active = people.findIndex(({ id }) => id === options[at]?.id);
      setOptions(people);
      setAt(Math.max(0, active)); // who comes meanwhile does not take the place of the one that Enter picks
    });
  }, [typed?.text, typed === null, props.people]);

  const open = extras !== null && typed !== null && options.length > 0;
  const edit = props.kind === "edit";
  const status =
    refused > 0 ? words.badText(refused) : over > 0 ? words.tooLong(over) : over > -Infinity ? words.left(-over) : "";
  const wrong = refused > 0 || over > 0;

  return (
    <form
      class="composer"
      part="composer"
      data-kind={props.kind}
      aria-label={edit ? words.editMessage : words.message}
      onSubmit={(event) => event.preventDefault()}
    >
      {open && (
        <extras.PeopleList
          id={`${id}-people`}
          people={options}
          active={Math.min(at, options.length - 1)}
          onPick={actions.pick}
        />
      )}
      <textarea
        ref={area}
        rows={1}
        aria-label={edit ? words.editMessage : words.message}
        placeholder={edit ? undefined : words.message}
        aria-autocomplete="list"
        aria-controls={open ? `${id}-people` : undefined}
        aria-activedescendant={open ? `${id}-people-${Math.min(at, options.length - 1)}` : undefined}
        aria-describedby={`${id}-status`}
        aria-invalid={wrong}
        autocomplete="off"
        enterkeyhint={props.enterBreaks || coarse() ? "enter" : "send"}
        dir="auto"
        onBlur={() => {
          setTyped(null);
          props.onLeave?.(actions.read());
        }}
      />
      <span id={`${id}-status`} class="composer-count" data-wrong={wrong} role="status">
        {status}
      </span>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: nothing is done here; a press leaves the focus in the box */}
      <div class="composer-buttons" onMouseDown={(event) => event.preventDefault()}>
        <IconButton
          label={words.addEmoji}
          icon="emoji"
          popup="dialog"
          expanded={picker}
          buttonRef={emojiButton}
          onClick={() => setPicker(!picker)}
        />
        {edit ? (
          <button type="button" class="button" data-kind="primary" disabled={blank || wrong} onClick={sendNow}>
            {words.save}
          </button>
        ) : (
          <button
            type="button"
            class="icon-button composer-send"
            part="send"
            aria-label={words.send}
            title={words.send}
            disabled={blank || wrong}
            onPointerDown={(event) => event.preventDefault()}
            onClick={sendNow}
          >
            <SendIcon />
          </button>
        )}
      </div>
      {picker && extras && (
        <extras.EmojiPicker
          anchor={() => emojiButton.current}
          onClose={() => setPicker(false)}
          onPick={(emoji) => {
            const { element } = actions.box();
            setPicker(false);
            actions.box().commit();
            actions.box().replace(element.selectionStart, element.selectionEnd, emoji);
            element.focus();
          }}
        />
      )}
    </form>
  );

  function sendNow() {
    actions.box().commit(); // keyboards of phones compose every word
    actions.send();
  }
});

function SendIcon() {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d="M3.5 10h12M10.5 5l5 5-5 5" />
    </svg>
  );
}
