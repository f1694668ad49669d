// A room that is not open to the user, or no longer: why, and what can be done.

import type { RoomSnapshot } from "madang";
import { navigate } from "../route";
import { explain } from "../session/explain";
import { Button } from "../ui/button";
import { fromNow } from "../words/format";
import { more } from "../words/more";

export function Refused({ snapshot, again }: { snapshot: RoomSnapshot; again: () => void }) {
  const t = more.value.refused;
  const { error } = snapshot;
  const wait = error?.retryMs;
  const [what, todo] = ((): [string, string | null] => {
    switch (error?.code) {
      case undefined:
        return [t.left, null];
      case "not_found":
        return [t.notFound, t.notFoundDo];
      case "kicked":
        return [t.kicked, t.kickedDo(fromNow(wait ?? 0))];
      case "banned":
        return [t.banned, t.bannedDo(wait === undefined ? null : fromNow(wait))];
      default:
        return [t.failed, explain(error)];
    }
  })();
  return (
    <main class="main empty" id="messages" tabIndex={-1}>
      <h1>{what}</h1>
      {todo !== null && <p>{todo}</p>}
      <div class="empty-ways">
        <Button kind="primary" onClick={again}>
          {error ? t.tryAgain : t.join}
        </Button>
        <Button onClick={() => navigate("/")}>{t.toRooms}</Button>
      </div>
    </main>
  );
}
