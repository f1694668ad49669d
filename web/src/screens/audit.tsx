// Who did what in a room by the rights of a moderator or an owner, the newest first.

import type { Client } from "madang";
import { useEffect, useState } from "preact/hooks";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { words } from "../words";
import { dateTime } from "../words/format";
import { more } from "../words/more";
import { attempt } from "./attempt";
import { closeDialog } from "./state";

interface Entry {
  n: number;
  at: string;
  what: string;
  by_name: string;
  name?: string;
  reason?: string;
}

const PAGE = 50;

export function AuditDialog({ client, room: id }: { client: Client; room: string }) {
  const t = more.value.audit;
  const [page, setPage] = useState<{ entries: readonly Entry[]; more: boolean } | null>(null);
  const room = client.room(id);
  const load = (before?: number) =>
    void attempt(
      room.audit({ limit: PAGE, ...(before === undefined ? {} : { before }) }).then((answer) => {
        setPage((now) => ({ entries: [...(now?.entries ?? []), ...answer.entries], more: answer.more }));
      }),
    );
  useEffect(() => load(), [room]);
  return (
    <Dialog title={t.title} closeLabel={words.value.close} onClose={closeDialog} size="wide">
      {page === null && <p class="hint">{more.value.loading}</p>}
      {page?.entries.length === 0 && <p>{t.none}</p>}
      <ul class="lines">
        {page?.entries.map((entry) => (
          <li key={entry.n} class="line">
            <span class="grow">
              <span dir="auto">{t.line(entry.by_name, t.what[entry.what] ?? entry.what, entry.name ?? "")}</span>
              {entry.reason && (
                <span class="hint" dir="auto">
                  {t.reason(entry.reason)}
                </span>
              )}
            </span>
            <time class="hint" dateTime={entry.at}>
              {dateTime(new Date(entry.at))}
            </time>
          </li>
        ))}
      </ul>
      {page?.more && (
        <Button kind="quiet" onClick={() => load(page.entries.at(-1)?.n)}>
          {more.value.more}
        </Button>
      )}
    </Dialog>
  );
}
