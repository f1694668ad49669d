// What the server says of a paper, kept true by what its room tells.

import type { MadangError, Room } from "madang";
import { useEffect, useState } from "preact/hooks";
import { type PaperInfo, readPaper } from "./papers";

export interface Known {
  info: PaperInfo | null;
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

    async function read(): Promise<void> {
      const number = ++newest;
      const isNews = () => number === newest && !gone.signal.aborted; // an older answer may come later
      try {
        const found = await readPaper(id);
        if (isNews()) setInfo(found);
      } catch (error) {
        if (isNews()) setFailed(error as MadangError);
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
    return () => gone.abort();
  }, [room, id, live]);

  return { info, failed, finishedNow };
}
