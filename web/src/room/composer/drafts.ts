// What has been written and not sent, on this device, by a key that names user and room (see `storageKey` of the SDK).

export interface Draft {
  text: string;
  /** Name and id of those picked from the list of people. */
  mentions: [string, string][];
  replyTo: number | null;
}

const listeners = new Set<() => void>();

/** Return the draft that is kept by a key. */
export function loadDraft(key: string): Draft | null {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(key) ?? "null");
    if (typeof kept !== "object" || kept === null || !("text" in kept) || typeof kept.text !== "string") return null;
    const { mentions, replyTo } = kept as Partial<Draft>;
    return {
      text: kept.text,
      mentions: Array.isArray(mentions) ? mentions : [],
      replyTo: typeof replyTo === "number" ? replyTo : null,
    };
  } catch {
    return null; // no storage, or not of ours
  }
}

/** Keep a draft; one without text is removed. */
export function saveDraft(key: string, draft: Draft): void {
  try {
    if (draft.text.trim()) localStorage.setItem(key, JSON.stringify(draft));
    else localStorage.removeItem(key);
  } catch {
    return; // no storage, or it is full: the text is still in the box
  }
  for (const listener of listeners) listener();
}

/** Call back whenever a draft has come or gone. Returns what ends it. */
export function onDrafts(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
