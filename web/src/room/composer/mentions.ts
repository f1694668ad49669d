// Where in a text somebody is being mentioned, and whom a finished text mentions. Pure.

/** Return what is typed after the "@" before the caret, and where that "@" is. */
export function mentionBefore(text: string, caret: number): { from: number; text: string } | null {
  const found = /(?:^|[\s([{<"'])@([^\s@]{0,40})$/u.exec(text.slice(Math.max(0, caret - 50), caret));
  const typed = found?.[1];
  return typed === undefined ? null : { from: caret - typed.length - 1, text: typed };
}

/** Return the ids of those who were picked and are still in the text. */
export function mentionsIn(text: string, picked: ReadonlyMap<string, string>): string[] {
  const ids = new Set<string>();
  for (const [name, id] of picked) if (text.includes(`@${name.normalize("NFC")}`)) ids.add(id);
  return [...ids];
}
