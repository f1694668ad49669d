// The icons of dialogs, panels, menus, papers and what is done with messages: imported by the parts that show them.

import { addIcons } from "./icon";

const more = {
  at: "M13 10a3 3 0 1 0-6 0 3 3 0 1 0 6 0V11.2a1.9 1.9 0 0 0 3.8 0V10a6.8 6.8 0 1 0-3 5.6",
  bell: "M5 13.5V9a5 5 0 0 1 10 0v4.5l1.5 1.5h-13zM8.5 17.5h3",
  calendar: "M4 5.5h12v11H4zM4 9h12M7.5 3.5v3.5M12.5 3.5v3.5",
  check: "M4 10.5l4 4 8-9",
  copy: "M7 7h9.5v9.5H7zM4 13V3.5h9.5",
  done: "M10 2.75a7.25 7.25 0 1 0 0 14.5 7.25 7.25 0 1 0 0-14.5M6.5 10.2l2.4 2.5 4.6-5.2",
  door: "M8 4H4v12h4M8 10h9M13.5 6.5L17 10l-3.5 3.5",
  edit: "M4 16l.8-3.6 8.7-8.7 2.8 2.8-8.7 8.7zM11.5 5.7l2.8 2.8",
  grip: "M7 5h.5M12.5 5h.5M7 10h.5M12.5 10h.5M7 15h.5M12.5 15h.5",
  history: "M3.5 4.5V8H7M3.8 8a6.5 6.5 0 1 1-.2 3.5M10 6.5V10l2.5 1.5",
  link: "M8 12l4-4M8.8 6.2l2-2a3.5 3.5 0 0 1 5 5l-2 2M11.2 13.8l-2 2a3.5 3.5 0 0 1-5-5l2-2",
  list: "M3.5 5h13M3.5 10h13M3.5 15h8",
  note: "M4 3.5h12v8.5l-4.5 4.5H4zM16 12h-4.5v4.5",
  print: "M6 8V3.5h8V8M6 14H3.5V8h13v6H14M6 11.5h8v5H6z",
  redo: "M12 5l4.5 4.5L12 14M16 9.5H9c-3.3 0-5.5 2-5.5 5.5",
  reply: "M8 5L3.5 9.5 8 14M4 9.5h7c3.3 0 5.5 2 5.5 5.5",
  send: "M3.5 9.5L16.5 3.5 12.5 16.5 9.5 11zM9.5 11l7-7.5",
  sheet: "M3.5 3.5h5.5v7h-5.5zM11 3.5h5.5v4h-5.5zM11 9.5h5.5v7h-5.5zM3.5 12.5h5.5v4h-5.5z",
  shield: "M10 3l6 2v4.5c0 3.5-2.4 6-6 7.5-3.6-1.5-6-4-6-7.5V5z",
  trash: "M4 5.5h12M8 5.5v-2h4v2M5.5 5.5l.9 11h7.2l.9-11",
  undo: "M8 5L3.5 9.5 8 14M4 9.5h7c3.3 0 5.5 2 5.5 5.5",
} as const;

export type MoreIconName = keyof typeof more;

addIcons(more);
