// A page of text that several write in.

import type { OpenPaper } from "./OpenPaper";
import { bodyOf } from "./roots";
import { useChanges } from "./useChanges";
import { Writing } from "./Writing";
import { Written } from "./Written";
import { paperWords } from "./words";

export function TextPage({ paper, writes }: { paper: OpenPaper; writes: boolean }) {
  const text = bodyOf(paper.doc);
  const t = paperWords.value;
  useChanges(text);
  if (!writes)
    return (
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and nothing in it takes the focus
      <section class="paper-body" aria-label={t.text} tabIndex={0}>
        <div class="paper-text">
          <Written text={text.toString()} />
        </div>
      </section>
    );
  return (
    <div class="paper-body">
      <div class="paper-text">
        <Writing key={text.doc?.guid} paper={paper} text={text} field="text" label={t.text} placeholder={t.write} />
      </div>
    </div>
  );
}
