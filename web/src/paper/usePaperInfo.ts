// What the server says of a paper, kept true by what its room tells.

import type { MadangError, Room } from "madang";
import { useEffect, useState } from "preact/hooks";
import { type PaperInfo, readPaper } from "./papers";

const AGAIN_MS = 2000;
const FINAL = new Set(["not_found", "forbidden"]);

export interface Known {
  info: PaperInfo | null;
  /** Why it is not shown: it is not there for this user, or nothing is known of it yet. */
  failed: MadangError | null;
  /** It was finished while it was shown. */
  finishedNow: boolean;
}

export function usePaperInfo(room: Room, id: string, live: boolean): Known {
  const [info, setInfo] = useState<PaperInfo | null>(null);
  const [failed, setFailed] = useState<MadangError | null>(null);
  const [finishedNow, setFinishedNow] = useState(false);

  useEffect(() => {
    if (!live) return;
    const gone = new AbortController();
    let newest = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;

    async function read(): Promise<void> {
      clearTimeout(timer);
      const number = ++newest;
      const isNews = () => number === newest && !gone.signal.aborted; // an older answer may come later
      try {
        const found = await readPaper(id);
        if (!isNews()) return;
        setInfo(found);
        setFailed(null);
      } catch (thrown) {
        if (!isNews()) return;
        const error = thrown as MadangError;
        setFailed(error);
        if (!FINAL.has(error.code)) timer = setTimeout(read, Math.max(AGAIN_MS, error.retryMs ?? 0));
      }
    }

    async function hear(): Promise<void> {
      for await (const event of room.events({ signal: gone.signal })) {
        const ours = "paper" in event && event.paper === id;
        if (!ours && event.type !== "reset" && event.type !== "lagged") continue;
        if (ours && event.finished !== undefined) setFinishedNow(event.finished === true);
        void read();
      }
    }

    void hear();
    void read(); // behind the listening: nothing is missed between
    return () => {
      clearTimeout(timer);
      gone.abort();
    };
  }, [room, id, live]);

  // A paper that is open stays so meanwhile: what is written in it and not stored yet would go with it.
  return { info, failed: failed && (!info || FINAL.has(failed.code)) ? failed : null, finishedNow };
}
