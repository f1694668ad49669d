// A list that comes page by page, found by how its ids begin.

import { useCallback, useEffect, useState } from "preact/hooks";
import { Button } from "../ui/button";
import { attempt, before, explain, notice, token } from "./api";
import { words } from "./words";

export interface Paged<T> {
  items: T[];
  more: boolean;
  find: (prefix: string) => void;
  next: () => void;
  reload: () => void;
}

/**
 * Load a list.
 * @param load one page after an id
 * @param id of an item
 */
export function usePaged<T>(
  load: (after: string) => Promise<{ items: T[]; more: boolean }>,
  id: (item: T) => string,
): Paged<T> {
  const [items, setItems] = useState<T[]>([]);
  const [more, setMore] = useState(false);
  const [prefix, setPrefix] = useState("");

  const take = useCallback(async (after: string, kept: T[], prefix: string) => {
    try {
      const page = await load(after);
      const fitting = page.items.filter((item) => id(item).startsWith(prefix));
      setItems([...kept, ...fitting]);
      setMore(page.more && fitting.length === page.items.length);
    } catch (error) {
      if (token.value !== null) notice.value = { text: explain(error), bad: true };
    }
  }, []);
  useEffect(() => {
    void take("", [], "");
  }, []);
  return {
    items,
    more,
    find: (wanted) => {
      setPrefix(wanted);
      void take(before(wanted), [], wanted);
    },
    next: () => {
      const last = items.at(-1);
      if (last !== undefined) void take(id(last), items, prefix);
    },
    reload: () => void take(before(prefix), [], prefix),
  };
}

export function FindBox({ label, onFind }: { label: string; onFind: (prefix: string) => void }) {
  const t = words.value;
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const value = new FormData(event.currentTarget as HTMLFormElement).get("prefix");
    onFind(
      String(value ?? "")
        .trim()
        .toLowerCase(),
    );
  };
  return (
    <search aria-label={label}>
      <form class="find" onSubmit={submit}>
        <label class="field grow">
          <span class="label">{label}</span>
          <input class="input" name="prefix" autocomplete="off" autocapitalize="off" spellcheck={false} />
        </label>
        <Button type="submit">{t.find}</Button>
      </form>
    </search>
  );
}

export function More({ list, what }: { list: { more: boolean; next: () => void }; what: string }) {
  const t = words.value;
  return list.more ? (
    <button class="button" data-kind="quiet" type="button" aria-label={`${t.more}: ${what}`} onClick={list.next}>
      {t.more}
    </button>
  ) : null;
}

/** Do something to a list, and show it as it is then. */
export const changing = (list: { reload: () => void }, done: string, deed: () => Promise<unknown>) =>
  attempt(async () => {
    await deed();
    list.reload();
  }, done);
