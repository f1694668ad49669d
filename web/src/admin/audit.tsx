// Who did what: the audit trail of the server, and the table that a room's is shown in, too.

import { useEffect, useState } from "preact/hooks";
import { dateTime } from "../words/format";
import { call, explain, notice, token } from "./api";
import { More } from "./paged";
import { Region, Table } from "./table";
import { words } from "./words";

export interface Deed {
  n: number;
  at: string;
  what: string;
  by: string;
  by_name?: string;
  user?: string;
  name?: string;
  reason?: string;
}

export function Trail({ label, deeds }: { label: string; deeds: Deed[] }) {
  const { column, none } = words.value;
  return (
    <Table
      label={label}
      head={[column.when, column.what, column.by, column.whom, column.reason]}
      keys={deeds.map((deed) => deed.n)}
      rows={deeds.map((deed) => [
        <time key="t" dateTime={deed.at}>
          {dateTime(new Date(deed.at))}
        </time>,
        deed.what,
        <bdi key="b">{deed.by_name || deed.by}</bdi>,
        <bdi key="w">{deed.name || deed.user}</bdi>,
        <bdi key="r">{deed.reason}</bdi>,
      ])}
      empty={none}
    />
  );
}

export function Audit() {
  const t = words.value.audit;
  const [deeds, setDeeds] = useState<Deed[]>([]);
  const [more, setMore] = useState(false);
  const load = async (kept: Deed[]) => {
    try {
      const last = kept.at(-1);
      const page = await call<{ entries: Deed[]; more: boolean }>("GET", last ? `/audit?before=${last.n}` : "/audit");
      setDeeds([...kept, ...page.entries]);
      setMore(page.more);
    } catch (error) {
      if (token.value !== null) notice.value = { text: explain(error), bad: true };
    }
  };
  // What is done on this page is here next.
  useEffect(() => {
    if (!notice.value?.bad) void load([]);
  }, [notice.value]);
  return (
    <Region id="audit" title={t.title}>
      <Trail label={t.title} deeds={deeds} />
      <More list={{ more, next: () => void load(deeds) }} what={t.title} />
    </Region>
  );
}
