// What a room needs only once somebody points at something, presses a key or asks for it: the tools of a message, keys, choosing an
// emoji, what is read out. Loaded when the room has been shown, or when it is asked for.

import "../ui/icons-more";
import "../ui/icons-page"; // in the widget they come now

export { findPeople } from "./composer/findPeople";
export { PeopleList } from "./composer/PeopleList";
export { EmojiPicker } from "./emoji/EmojiPicker";
export { Heard } from "./Heard";
export { ConfirmDelete } from "./list/ConfirmDelete";
export { DayLabel } from "./list/DayLabel";
export { EditBox } from "./list/EditBox";
export { HoleView } from "./list/HoleView";
export { Missed } from "./list/Missed";
export { RowToolbar } from "./list/RowToolbar";
export { readingOf } from "./list/reading";
export { rowKeys } from "./list/rowKeys";
export { whoReacted } from "./list/whoReacted";
export { CopyCode } from "./text/CopyCode";
