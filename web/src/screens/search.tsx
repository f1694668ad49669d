// Searching for messages, in this room or in all of the user's own: what was found follows what is typed, and leads to the messages.

import type { Client, FoundMessage, Room } from "madang";
import { MadangError } from "madang";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { paperPath } from "../paper/papers";
import { navigate, roomPath } from "../route";
import { explain } from "../session/explain";
import { rooms } from "../session/session";
import { titleOf } from "../session/titles";
import { hueOf } from "../ui/avatar";
import { Button } from "../ui/button";
import { words } from "../words";
import { dateTime, number } from "../words/format";
import { more } from "../words/more";
import { attempt } from "./attempt";
import { Choices } from "./choices";
import { Link } from "./link";
import { Panel } from "./panel";
import { SearchFilters } from "./search-filters";
import { partsOf } from "./search-parts";
import { type Found, NO_FILTERS, narrows, type Search, searchOf } from "./search-state";
import { hasResults, isNarrow, panel } from "./state";

// A syllable that is being typed, of which only the first consonant is there: 회ㅇ on the way to 회의.
const BEGUN = /[가-힣][ㄱ-ㅎ]$/u;

export function SearchPanel({ client, room }: { client: Client; room: Room }) {
  const t = more.value.search;
  const search = useMemo(() => searchOf(client), [client]);
  useMemo(() => search.opened(), [search]); // before it is rendered: what has the focus depends on it
  const list = useRef<HTMLUListElement>(null);
  const box = useRef<HTMLInputElement>(null);
  const where = search.everywhere.value ? null : room.id;
  useEffect(() => search.ask(search.typed, where, true), [search, where, search.filters.value]);
  useEffect(() => {
    hasResults.value = false;
  }, []);

  const found = search.found.value;
  const step = (by: 1 | -1) => {
    const hits = [...(list.current?.querySelectorAll("a") ?? [])];
    const at = hits.indexOf(document.activeElement as HTMLAnchorElement) + by;
    (at < 0 ? box.current : hits[at])?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
    if (!(event.target as Element).matches("a, [type=search]")) return;
    event.preventDefault();
    step(event.key === "ArrowDown" ? 1 : -1);
  };
  return (
    <Panel title={t.title} first={search.at.value === null ? "[type=search]" : "[aria-current]"}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the arrows lead from the box into the list and back */}
      <div class="search" onKeyDown={onKeyDown}>
        <search aria-label={t.title}>
          <form
            onSubmit={(event) => {
              event.preventDefault();
              search.ask(box.current?.value ?? "", where, true);
            }}
          >
            <input
              ref={box}
              class="input"
              type="search"
              aria-label={t.title}
              placeholder={t.placeholder}
              defaultValue={search.typed}
              dir="auto"
              autocomplete="off"
              enterkeyhint="search"
              onInput={(event) => {
                const { value } = event.currentTarget;
                if (!(event.isComposing && BEGUN.test(value))) search.ask(value, where);
              }}
              onCompositionEnd={(event) => search.ask(event.currentTarget.value, where)}
            />
            <Choices
              label={t.where}
              value={where === null ? "all" : "here"}
              options={[
                ["here", t.here],
                ["all", t.all],
              ]}
              onPick={(picked) => {
                search.everywhere.value = picked === "all";
              }}
            />
            <SearchFilters search={search} room={room} />
          </form>
        </search>
        <Said search={search} found={found} />
        {search.from.value !== null && (
          <Button icon="back" onClick={() => goBack(search)}>
            {t.back}
          </Button>
        )}
        {found !== null && found.messages.length > 0 && (
          <ul
            ref={list}
            class="hits"
            aria-label={t.results(number(found.messages.length))}
            aria-busy={search.busy.value}
          >
            {found.messages.map((message) => (
              <Hit key={message.id} message={message} search={search} room={room} everywhere={found.room === null} />
            ))}
          </ul>
        )}
        {found?.more && found.messages.length > 0 && (
          <Button kind="quiet" onClick={() => void attempt(search.more())}>
            {more.value.more}
          </Button>
        )}
      </div>
    </Panel>
  );
}

/** How many there are, and what to do where there are none, or where the answer may be less than the whole. */
function Said({ search, found }: { search: Search; found: Found | null }) {
  const t = more.value.search;
  const error = search.error.value;
  const none = found?.messages.length === 0;
  const narrowed = narrows(search.filters.value);
  const said = () => {
    if (error !== null) return error instanceof MadangError && error.code === "bad_field" ? t.tooMuch : explain(error);
    if (found === null) return search.busy.value ? t.searching : narrowed ? t.needsWord : "";
    if (none) return (found.room === null ? t.noneAnywhere : t.noneHere)(found.q, narrowed);
    return t.count(found.messages.length, number(found.messages.length), found.more);
  };
  return (
    <>
      <p class="search-said" role="status">
        {said()}
        {found?.complete === false && ` ${t.incomplete}`}
      </p>
      {found === null && !search.busy.value && error === null && <p class="hint">{t.hint}</p>}
      {none && <p class="hint">{t.widen}</p>}
      {none && narrowed && (
        <Button
          onClick={() => {
            search.filters.value = NO_FILTERS;
          }}
        >
          {t.clear}
        </Button>
      )}
      {none && found.room !== null && (
        <Button
          onClick={() => {
            search.everywhere.value = true;
          }}
        >
          {t.searchAll}
        </Button>
      )}
      {(error !== null || found?.complete === false) && <Button onClick={() => search.again()}>{t.again}</Button>}
    </>
  );
}

interface HitProps {
  message: FoundMessage;
  search: Search;
  room: Room;
  everywhere: boolean;
}

function Hit({ message, search, room, everywhere }: HitProps) {
  const { id, seq, user, name, at, text } = message;
  const its = rooms.value.rooms.find((each) => each.id === message.room);
  const toPaper = message.paper === undefined ? null : paperPath(message.room, message.paper);
  const go = () => {
    if (toPaper !== null) {
      panel.value = null; // a paper has no panel beside it
      hasResults.value = true;
      return;
    }
    const narrow = isNarrow();
    const here = rowInView();
    search.go(message, here === null ? null : { room: room.id, seq: here }, narrow || message.room !== room.id);
    if (!narrow) return;
    panel.value = null; // it is over the message
    hasResults.value = true;
  };
  return (
    <li>
      <Link class="hit" to={toPaper ?? roomPath(message.room, seq)} current={search.at.value === id} onClick={go}>
        <span class="excerpt-head">
          <bdi class="excerpt-name cut" data-hue={hueOf(user)}>
            {name || words.value.deletedUser}
          </bdi>
          <time dateTime={at}>{dateTime(new Date(at))}</time>
        </span>
        {everywhere && <bdi class="hit-room cut">{its ? titleOf(its) : message.room}</bdi>}
        {message.title !== undefined && <bdi class="hit-room cut">{message.title}</bdi>}
        <span class="excerpt-text" dir="auto">
          {partsOf(text, message.ranges).map((part) => (part.marked ? <mark>{part.text}</mark> : part.text))}
        </span>
      </Link>
    </li>
  );
}

function goBack(search: Search): void {
  const from = search.from.value;
  search.returned();
  if (from === null) return;
  if (isNarrow()) panel.value = null;
  navigate(roomPath(from.room, from.seq));
}

/** Return the seq of the row that is where the list puts a message that it is asked to show: a third from its top. */
function rowInView(): number | null {
  const log = document.querySelector('[role="log"]');
  if (!log) return null;
  const { top, height } = log.getBoundingClientRect();
  const rows = [...log.querySelectorAll<HTMLElement>("[data-seq]")];
  const row = rows.findLast((each) => each.getBoundingClientRect().top <= top + height / 3) ?? rows[0];
  return row ? Number(row.dataset.seq) : null;
}
