// Does what somebody asked for, and says in words where it did not work.

import { explain } from "../session/explain";
import { notice } from "./state";

const SHOWN_MS = 6000;
let timer: ReturnType<typeof setTimeout> | undefined;

export function say(text: string, bad = false): void {
  clearTimeout(timer);
  notice.value = { text, bad };
  timer = setTimeout(() => {
    notice.value = null;
  }, SHOWN_MS);
}

/** Return whether it worked. */
export async function attempt(doing: Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await doing;
    if (done) say(done);
    return true;
  } catch (error) {
    say(explain(error), true);
    return false;
  }
}
