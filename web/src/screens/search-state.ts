// What is searched for in the page, and what was found. It is kept while somebody goes to a message and comes back.
//
// One request at a time: what is typed meanwhile is asked for next, and an answer to what nobody asks any more is dropped.

import type { Client, FoundMessage, SearchPage } from "madang";
import { batch, signal } from "../ui/signals";

const PAUSE_MS = 200;
const PAGE = 30;

/** What narrows a search besides its words. Empty: nothing does. */
export interface Filters {
  /** The id of whoever said it. */
  readonly user: string;
  /** How they are called. */
  readonly name: string;
  /** Days, as date fields have them. */
  readonly from: string;
  readonly to: string;
  readonly link: boolean;
}

export const NO_FILTERS: Filters = { user: "", name: "", from: "", to: "", link: false };

export const narrows = ({ user, from, to, link }: Filters): boolean => user + from + to !== "" || link;

interface Asked {
  readonly q: string;
  /** Null: all rooms of the user. */
  readonly room: string | null;
  readonly filters: Filters;
}

export interface Found extends Asked, SearchPage {}

export class Search {
  /** What is in the box. */
  typed = "";
  readonly everywhere = signal(false);
  readonly filters = signal(NO_FILTERS);
  readonly found = signal<Found | null>(null);
  /** What was asked for last has no answer yet. */
  readonly busy = signal(false);
  readonly error = signal<unknown>(null);
  /** The id of the message that was gone to. */
  readonly at = signal<string | null>(null);
  /** Where the user was before they went to a message. */
  readonly from = signal<{ room: string; seq: number } | null>(null);
  #wanted: Asked | null = null;
  #asking = false;
  #paging: Found | null = null;
  #kept = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly client: Client) {}

  /** Search for what is typed, when the typing pauses or at once. */
  ask(typed: string, room: string | null, atOnce = false): void {
    this.typed = typed;
    const q = typed.trim().replace(/[“”„]/g, '"'); // phones type these for the quotes of a phrase
    clearTimeout(this.#timer);
    this.#wanted = q ? { q, room, filters: this.filters.value } : null;
    batch(() => {
      this.busy.value = q !== "" && !same(this.#wanted, this.found.value);
      if (q === "") this.found.value = this.error.value = null;
    });
    if (this.busy.value) this.#timer = setTimeout(() => void this.#run(), atOnce ? 0 : PAUSE_MS);
  }

  /** Ask once more for the same. */
  again(): void {
    this.found.value = null;
    if (this.#wanted) this.ask(this.#wanted.q, this.#wanted.room, true);
  }

  async #run(): Promise<void> {
    const asked = this.#wanted;
    if (this.#asking || asked === null) return; // the end of that request looks again
    if (!same(asked, this.found.value)) {
      this.#asking = true;
      const [found, error] = await this.#page(asked).then(
        (page) => [{ ...asked, ...page }, null] as const,
        (error: unknown) => [null, error] as const,
      );
      this.#asking = false;
      if (!same(asked, this.#wanted)) return this.#run();
      batch(() => {
        this.found.value = found;
        this.error.value = error;
        this.at.value = null;
      });
    }
    this.busy.value = false;
  }

  #page({ q, room, filters: { user, from, to, link } }: Asked, before?: string): Promise<SearchPage> {
    return this.client.search({
      q: link ? `${q} has:link` : q,
      limit: PAGE,
      ...(room !== null && { room }),
      ...(user && { user }),
      ...(from && { from: new Date(`${from}T00:00`) }),
      ...(to && { to: new Date(`${to}T23:59:59.999`) }),
      ...(before && { before }),
    });
  }

  /** Add the next page to what was found. */
  async more(): Promise<void> {
    const found = this.found.value;
    if (found === null || this.#paging === found) return;
    this.#paging = found;
    try {
      const page = await this.#page(found, found.messages.at(-1)?.id);
      if (this.found.value !== found) return;
      const messages = [...found.messages, ...page.messages];
      this.found.value = { ...found, messages, more: page.more, complete: found.complete && page.complete };
    } finally {
      this.#paging = null;
    }
  }

  /** The user goes to a message from `here`. `away`: the panel goes, and comes back as it is now. */
  go(to: FoundMessage, here: { room: string; seq: number } | null, away: boolean): void {
    batch(() => {
      this.at.value = to.id;
      this.from.value ??= here;
    });
    this.#kept = away;
  }

  /** The panel opens: from the start, or where it was left for a message. */
  opened(): void {
    if (!this.#kept) this.returned();
    this.#kept = false;
  }

  /** The user is back where they came from, or somewhere else by now. */
  returned(): void {
    batch(() => {
      this.at.value = this.from.value = null;
    });
  }
}

const same = (one: Asked | null, other: Asked | null) =>
  one?.q === other?.q && one?.room === other?.room && one?.filters === other?.filters;

const searches = new WeakMap<Client, Search>();

/** Return the search of a signed-in user. */
export function searchOf(client: Client): Search {
  const search = searches.get(client) ?? new Search(client);
  searches.set(client, search);
  return search;
}
