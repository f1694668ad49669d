// What papers say, in English. The other language has the same keys, or it does not compile.

export const paperEn = {
  title: "Papers",
  none: "No papers yet.",
  hint: "A paper is written by all of the room at once: notes for somebody, minutes, a list.",
  create: "New paper",
  name: "Paper title",
  kind: "What it is",
  kinds: { notes: "A rolling paper: a sheet of notes", text: "A page of text" },
  make: "Make it",
  isFinished: "Finished",
  rename: "Rename",
  newName: "New title",

  back: "Back to the room",
  menu: "Paper menu",
  copyLink: "Copy link",
  delete: "Delete paper",
  deleteTitle: (title: string) => `Delete “${title}”?`,
  deleteBody: "All that was written in it goes for good.",
  deleteAction: "Delete",
  print: "Print or save as PDF",
  versions: "Versions",
  here: (names: readonly string[]) => `Here now: ${names.join(", ")}`,
  undo: "Undo",
  redo: "Redo",

  finish: "Finish",
  finishTitle: "Finish this paper?",
  finishBody: "From then on it is read and printed, and nobody writes in it. You can open it again.",
  reopen: "Open it again",
  finished: "This paper is finished.",
  reopened: "This paper is open again.",
  tooLate: "What you wrote last came after the paper was finished, and is not in it.",

  saved: "Saved",
  saving: "Saving …",
  away: "Not saved: no connection",
  refused: "Not saved",
  full: "The paper is full. Take something out.",
  loading: "Opening …",
  gone: "There is no such paper, or it is not open to you.",
  closed: "The paper was closed.",
  broken: "This paper cannot be opened.",

  text: "Text",
  write: "Write here",
  writing: (names: readonly string[]) =>
    names.length === 1
      ? `${names[0]} is writing`
      : `${names.slice(0, 2).join(names.length > 2 ? ", " : " and ")}${names.length > 2 ? " and others" : ""} are writing`,

  add: "Add a note",
  notes: "Notes",
  note: (name: string) => `Note by ${name}`,
  noteText: (name: string) => `Text of the note by ${name}`,
  emptyNote: "Write something kind",
  empty: "Nothing here yet. Put up the first note.",
  emptyFinished: "It was finished without a note.",
  move: (name: string) => `Move the note by ${name}`,
  moveHint: "Arrow keys move it, with Shift farther.",
  place: (x: string, y: string) => `${x} from the left, ${y} from the top`,
  colour: "Colour",
  colours: ["Yellow", "Green", "Blue", "Pink", "Violet"],
  remove: (name: string) => `Delete the note by ${name}`,
  removeTitle: "Delete this note?",
  removed: "The note is deleted. Undo brings it back.",
  asSheet: "Sheet",
  asList: "List",
  view: "View",
  sum: (notes: number, people: number) =>
    `${notes} ${notes === 1 ? "note" : "notes"} by ${people} ${people === 1 ? "person" : "people"}`,
};

export type PaperWords = typeof paperEn;
