// Messages that were reported, for moderators: who reported them and why, and what to do about each.

import type { Room, RoomSnapshot } from "madang";
import { useEffect, useState } from "preact/hooks";
import { Button } from "../ui/button";
import { words } from "../words";
import { number } from "../words/format";
import { more } from "../words/more";
import { attempt } from "./attempt";
import { Excerpt } from "./excerpt";
import { Panel } from "./panel";

interface Reported {
  seq: number;
  user: string;
  name: string;
  deleted?: boolean;
  count: number;
  reports: { user: string; name: string; at: string; reason?: string }[];
  /** What was written, as it is now. */
  text: string;
}

const PAGE = 20;

export function ReportsPanel({ room, snapshot }: { room: Room; snapshot: RoomSnapshot }) {
  const t = more.value.reports;
  const [queue, setQueue] = useState<{ reported: Reported[]; more: boolean } | null>(null);
  const [again, setAgain] = useState(0);

  useEffect(() => {
    let stale = false;
    void attempt(
      read(room, 0).then((found) => {
        if (!stale) setQueue(found);
      }),
    );
    return () => {
      stale = true;
    };
  }, [room, snapshot.reports, again]);

  const settle = async (doing: Promise<unknown>) => {
    if (await attempt(doing, more.value.members.done)) setAgain((n) => n + 1);
  };
  return (
    <Panel title={t.title}>
      {queue === null && <p class="hint">{more.value.loading}</p>}
      {queue?.reported.length === 0 && <p>{t.none}</p>}
      <ul class="excerpts">
        {queue?.reported.map((each) => (
          <Excerpt
            key={each.seq}
            room={room.id}
            seq={each.seq}
            user={each.user}
            name={each.name}
            text={each.deleted ? t.deleted : each.text}
            go={t.go}
          >
            <Button kind="link" onClick={() => void settle(room.request("resolve", { seq: each.seq }))}>
              {t.resolve}
            </Button>
            {!each.deleted && (
              <Button kind="link" onClick={() => void settle(room.remove(each.seq))}>
                {t.delete}
              </Button>
            )}
            <details class="excerpt-why" open>
              <summary>{t.count(each.count)}</summary>
              <ul>
                {each.reports.map((report) => (
                  <li key={report.user}>
                    <bdi>{report.name || words.value.deletedUser}</bdi>:{" "}
                    <span dir="auto">{report.reason ?? t.noReason}</span>
                  </li>
                ))}
              </ul>
            </details>
          </Excerpt>
        ))}
      </ul>
      {queue?.more && <p class="hint">{t.many(number(snapshot.reports))}</p>}
    </Panel>
  );
}

async function read(room: Room, after: number): Promise<{ reported: Reported[]; more: boolean }> {
  const answer = await room.request("reports", { after, limit: PAGE });
  const reported: Omit<Reported, "text">[] = answer.reported;
  const texts = await Promise.all(
    reported.map(async ({ seq }) => {
      const { messages } = await room.history({ before: seq + 1, limit: 1 });
      return messages[0]?.seq === seq ? messages[0].text : "";
    }),
  );
  return { reported: reported.map((each, index) => ({ ...each, text: texts[index] ?? "" })), more: answer.more };
}
