// What a room needs only once there is much in it, or somebody points at something, presses a key or asks for it: a list of any length,
// what texts are made of beside words, the tools of a message, keys, choosing an emoji, what is read out. Loaded beside the connection.

import "../ui/icons-more";
import "../ui/icons-page"; // in the widget they come now

export { PeopleList } from "./composer/PeopleList";
export { ReplyBar } from "./composer/ReplyBar";
export { EmojiPicker } from "./emoji/EmojiPicker";
export { Heard } from "./Heard";
export { Body } from "./list/Body";
export { ConfirmDelete } from "./list/ConfirmDelete";
export { DayLabel } from "./list/DayLabel";
export { EditBox } from "./list/EditBox";
export { HoleView } from "./list/HoleView";
export { Missed } from "./list/Missed";
export { Notices } from "./list/Notices";
export { Pill } from "./list/Pill";
export { Quote } from "./list/Quote";
export { Reactions } from "./list/Reactions";
export { RowToolbar } from "./list/RowToolbar";
export { readingOf } from "./list/reading";
export { roomActions } from "./list/roomActions";
export { changeOf } from "./list/rowChange";
export { rowKeys } from "./list/rowKeys";
export { VirtualRows } from "./list/virtual";
export { ReadOnly, whyReadOnly } from "./ReadOnly";
export { States } from "./States";
export { explain } from "./words.more";
