// What the connection does, where people should know: nothing for the first two seconds, then a quiet line; after half a minute
// with a way to try at once.

import type { Client } from "madang";
import { useEffect, useState } from "preact/hooks";
import { connection, ended, full, signInAgain } from "../session/session";
import { Button } from "../ui/button";
import { words } from "../words";
import { duration } from "../words/format";

const QUIET_MS = 2000;
const PATIENT_MS = 30_000;

export function ConnectionBanner({ client }: { client: Client }) {
  const { phase, retryAt, reason, error } = connection.value;
  const away = phase !== "connected" && !ended.value;
  const since = useAwaySince(away);
  const t = words.value.connection;

  if (ended.value) {
    const gone = reason === "refused" || error?.code === "revoked";
    return (
      <div class="banner" role="status" data-kind="bad">
        <p>{gone ? words.value.signIn.gone : words.value.signIn.ended}</p>
        <Button onClick={() => void signInAgain()}>{words.value.signIn.again}</Button>
      </div>
    );
  }
  const late = since !== null && since >= PATIENT_MS;
  const shown = since !== null && since >= QUIET_MS;
  return (
    <div class="banner" role="status" hidden={!shown && !full.value}>
      {!shown && full.value && <p>{t.full}</p>}
      {shown && <p>{reason === "offline" ? t.offline : t.reconnecting}</p>}
      {shown && late && (
        <>
          {retryAt !== undefined && retryAt > Date.now() && (
            <p class="number" aria-live="off">
              {t.next(duration(retryAt - Date.now()))}
            </p>
          )}
          <Button onClick={() => client.retryNow()}>{t.tryNow}</Button>
        </>
      )}
    </div>
  );
}

/** Return for how long it has been so, by the second; null while it is not. */
function useAwaySince(away: boolean): number | null {
  const [since, setSince] = useState<number | null>(null);
  useEffect(() => {
    setSince(away ? 0 : null);
    if (!away) return;
    const start = Date.now();
    const timer = setInterval(() => setSince(Date.now() - start), 1000);
    return () => clearInterval(timer);
  }, [away]);
  return since;
}
