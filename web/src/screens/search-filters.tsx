// What narrows a search: who said it, from which day to which, and whether it has a link.

import type { Room } from "madang";
import { useId } from "preact/hooks";
import { Button } from "../ui/button";
import { Icon } from "../ui/icon";
import { more } from "../words/more";
import { Check } from "./choices";
import { PersonField } from "./search-person";
import { type Filters, NO_FILTERS, narrows, type Search } from "./search-state";

export function SearchFilters({ search, room }: { search: Search; room: Room }) {
  const t = more.value.search;
  const id = useId();
  const filters = search.filters.value;
  const set = (change: Partial<Filters>) => {
    search.filters.value = { ...filters, ...change };
  };
  const narrowed = narrows(filters);

  const day = (name: "from" | "to", label: string) => (
    <div class="field">
      <label for={`${id}-${name}`}>{label}</label>
      <input
        id={`${id}-${name}`}
        class="input"
        type="date"
        value={filters[name]}
        onChange={(event) => set({ [name]: event.currentTarget.value })}
      />
    </div>
  );
  return (
    <details class="filters" open={narrowed}>
      <summary>
        <Icon name="down" />
        {t.filters}
      </summary>
      <PersonField
        room={room}
        found={search.found.value}
        chosen={filters.user ? { id: filters.user, name: filters.name } : null}
        onPick={(person) => set({ user: person?.id ?? "", name: person?.name ?? "" })}
      />
      <div class="filters-days">
        {day("from", t.from)}
        {day("to", t.to)}
      </div>
      <Check label={t.link} on={filters.link} onChange={(link) => set({ link })} />
      {narrowed && (
        <Button
          kind="link"
          onClick={() => {
            search.filters.value = NO_FILTERS;
          }}
        >
          {t.clear}
        </Button>
      )}
    </details>
  );
}
