// What a paper's document is made of. docs/guides/papers.md says it to other programs.

import type * as Y from "yjs";
import { notesOf } from "./notes";
import type { OpenPaper } from "./OpenPaper";
import type { Kind } from "./papers";

/** A part of a document that changes. */
export type Part = Y.Text | Y.Map<unknown> | Y.Map<Y.Map<unknown>>;

const KIND = "kind";

/** What the paper says of itself. */
export const aboutOf = (doc: Y.Doc): Y.Map<unknown> => doc.getMap("paper");

/** The text of a plain page: other programs know it by this name, too. */
export const bodyOf = (doc: Y.Doc): Y.Text => doc.getText("text");

/** Return what a paper is; a page of text, unless it says otherwise. */
export const kindOf = (doc: Y.Doc): Kind => (aboutOf(doc).get(KIND) === "notes" ? "notes" : "text");

/** Say what a paper is. Undo leaves it as it is. */
export function setKind({ doc }: OpenPaper, kind: Kind): void {
  if (kind !== "text") aboutOf(doc).set(KIND, kind);
}

/** Return what can be undone. */
export const roots = (doc: Y.Doc): Part[] => [bodyOf(doc), notesOf(doc)];
